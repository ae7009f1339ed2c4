"""Los documentos dicen la verdad sobre el repositorio: enlaces, textos citados, órdenes y traducción."""

import re
from pathlib import Path

import pytest
import typer

from docs.markdown import anchors, blocks
from etl.cli import new_app
from etl.settings import ROOT
from wiring import assemble

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "datos" / "README.md"]
SPANISH, ENGLISH = ROOT / "README.md", ROOT / "README.en.md"
# Lo que se ejecuta en el contenedor sin ser una orden de etl.
PROGRAMS = {"python", "bash", "touch", "ls"}
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
QUOTE = re.compile(r"^\|(?:[^|]*\|)? \[[^\]]+\]\(([^)]+)\) \| `([^`]+)`", re.M)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for found in LINK.finditer(re.sub(r"```.*?```", "", text, flags=re.S)):
        target = found[1] or found[2]
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), target


def test_what_the_guide_tells_to_search_for_is_there() -> None:
    guide = ROOT / "docs" / "guia.md"
    quotes = QUOTE.findall(guide.read_text(encoding="utf-8"))
    assert len(quotes) > 30
    for target, text in quotes:
        assert text in (guide.parent / target).read_text(encoding="utf-8"), (target, text)


def test_the_guide_has_every_section_of_the_lesson_with_an_exercise() -> None:
    text = (ROOT / "docs" / "guia.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.M)[1:]
    numbered = [section for section in sections if section.startswith("7.1.")]
    assert [section.split(" ")[0] for section in numbered] == [f"7.1.{number}" for number in range(1, 11)]
    assert all("**Ejercicio.**" in section for section in numbered)


def test_both_readmes_show_the_same_commands_and_the_same_output() -> None:
    spanish, english = (blocks(path.read_text(encoding="utf-8")) for path in (SPANISH, ENGLISH))
    assert [(block.code, block.output, block.note) for block in spanish] == [
        (block.code, block.output, block.note) for block in english
    ]


def test_both_readmes_have_the_same_pictures_and_sections() -> None:
    spanish, english = (path.read_text(encoding="utf-8") for path in (SPANISH, ENGLISH))
    images = re.compile(r"docs/img/[\w.-]+")
    assert images.findall(spanish) == images.findall(english)
    assert spanish.count("\n## ") == english.count("\n## ")


def commands() -> dict[str, set[str]]:
    """Las órdenes de `etl` con sus opciones, preguntadas al programa."""
    found: dict[str, set[str]] = {}

    def collect(group: object, prefix: str) -> None:
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            if hasattr(command, "commands"):
                collect(command, f"{prefix}{name} ")
            else:
                found[prefix + name] = {
                    option for one in command.params for option in one.opts if option[0] == "-"
                }

    collect(typer.main.get_command(new_app(assemble())), "")
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_the_commands_that_the_documents_name_exist(document: Path) -> None:
    known = commands()
    text = document.read_text(encoding="utf-8")
    code = [line for block in re.findall(r"```bash\n(.*?)```", text, re.S) for line in block.splitlines()]
    code += re.findall(r"`([^`\n]+)`", text) + re.findall(r"«(etl [^»]+)»", text)
    for line in code:
        for prefix, used in re.findall(r"(?:^|(?<!from)\s)(app_)?etl ([a-z][^|;&>#»]*)", line):
            words = used.split()
            if prefix and words[0] in PROGRAMS:
                continue
            name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
            assert name in known or name == "db", line
            options = {word.split("=")[0] for word in words if word.startswith("--")}
            assert options <= known.get(name, set()) | {"--help"} or name == "db psql", line


def test_every_command_and_option_is_documented() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    for name, options in commands().items():
        assert f"etl {name}" in text, name
        for option in options:
            assert option in text, f"{name} {option}"
