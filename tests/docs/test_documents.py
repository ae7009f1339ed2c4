"""Los documentos dicen la verdad sobre el repositorio: los enlaces y las órdenes."""

import re
import subprocess
from pathlib import Path

import pytest

from docs.markdown import anchors, commands
from etl.settings import ROOT

DOCUMENTS = [path for folder in (".", "docs", "datos") for path in sorted((ROOT / folder).glob("*.md"))]
# Lo que se ejecuta en el contenedor sin ser una orden de etl.
PROGRAMS = {"python", "bash", "touch", "ls"}
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")


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


# Como se habla a quien lee, y la palabra que se usa para cada pieza de Spark; en inglés, solo para decir cómo la llaman.
NOT_OURS = re.compile(
    r"\b(tú|tus?|ti|contigo|puedes|quieres|tienes|máster|trabajadoras?)\b|(?<![\w*/.\"-])workers?(?![\w*-])"
)


def test_whoever_reads_is_addressed_as_usted_and_each_thing_has_one_name() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    kinds = (".md", ".yml", ".yaml", ".sql", ".sh", ".conf", ".example", "Makefile", "Dockerfile")
    written = [ROOT / name for name in listed if name.endswith(kinds) and not name.endswith(".en.md")]
    assert written
    for path in filter(Path.is_file, written):  # uno que se acaba de quitar, git aún lo nombra
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not NOT_OURS.search(line), f"{named(path)}, línea {number}: {line}"


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
