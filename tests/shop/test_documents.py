"""El README y la guía de la tienda: textos citados, ejercicios, traducción y todas las órdenes."""

import re

import typer

from docs.markdown import blocks, commands
from etl.cli import new_app
from etl.settings import ROOT
from wiring import add_commands

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
SPANISH, ENGLISH = ROOT / "README.md", ROOT / "README.en.md"
QUOTE = re.compile(r"^\|(?:[^|]*\|)? \[[^\]]+\]\(([^)]+)\) \| `([^`]+)`", re.M)


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


def test_the_page_for_windows_has_everything_that_is_not_the_same_there() -> None:
    windows = (ROOT / "docs" / "windows.md").read_text(encoding="utf-8")
    different = set()
    for block in blocks(SPANISH.read_text(encoding="utf-8")):
        code = re.sub(r"(?ms)(<<'FIN')\n.*?^FIN$", r"\1", block.code)  # sin lo que se escribe en un archivo
        different |= {line.split("  ")[0] for line in code.splitlines() if not line.startswith(("docker ", "etl "))}
    assert "make run" in different
    for order in different:
        program, *words = order.split()
        # De un archivo que se escribe o se corrige, cómo; de lo demás, la orden.
        wanted = {"make": f"`make {words[0]}", "cat": "`cat > ARCHIVO <<'FIN'`", "sed": words[-1]}
        assert wanted.get(program, f"`{order}`") in windows, order


def test_every_command_and_option_is_documented() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    for name, options in commands().items():
        assert f"etl {name}" in text, name
        for option in options:
            assert option in text, f"{name} {option}"
    for parameter in typer.main.get_command(new_app(add_commands)).params:
        assert f"etl {parameter.opts[0]}" in text
