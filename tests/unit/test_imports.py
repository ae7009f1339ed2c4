"""Los tres cuartos de la casa: quién puede importar a quién. Se mira cada módulo de app/, no una lista."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import etl

APP = Path(etl.__file__).parents[1]
# Entre carpetas de extras/, solo estas; `document.py` y `output.py` son de todas.
NEIGHBOURS = {
    ("quarantine", "undeclared"),
    ("quarantine", "formats"),
    ("undeclared", "formats"),
    ("spark", "bulk"),
    ("undeclared", "bulk"),
    ("doctor", "revision"),
    ("doctor", "undeclared"),
    ("doctor", "formats"),
    ("undeclared", "revision"),
    ("forget", "marts"),
    ("screen", "marts"),
    ("screen", "quarantine"),
    ("screen", "elsewhere"),
    ("profile", "catalog"),
    ("report", "catalog"),
    ("report", "profile"),
    ("settings", "embedded"),
}
# Lo que `transform` y lo que viaja con ella no pueden conocer: ni la base de datos, ni los archivos, ni el reloj.
PURE = ("etl.transform.validate", "etl.transform.parse", "etl.schema", "etl.chunk", "etl.dialect")
IMPURE = {"sqlalchemy", "psycopg", "pgpq", "os", "io", "pathlib", "time", "socket", "subprocess", "shutil"}


def modules() -> dict[str, Path]:
    """Todos los módulos de app/ por su nombre."""
    found = {}
    for path in sorted(APP.rglob("*.py")):
        parts = path.relative_to(APP).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(module: str) -> set[str]:
    """Los módulos del proyecto que nombra un módulo, también dentro de sus funciones."""
    return {name for name in all_imported(module) if name in MODULES and name != module}


def all_imported(module: str) -> set[str]:
    names: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def nodes(module: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))


def room(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def part(module: str) -> str:
    """La carpeta de extras/ a la que pertenece."""
    return module.split(".")[1] if "." in module else ""


def may_import(one: str, other: str) -> bool:
    match room(one), room(other):
        case ("wiring" | "etl_pipeline", _) | ("etl", "etl") | ("declared", "etl" | "declared"):
            return True
        case "extras", "etl":
            return True
        case "extras", "extras":
            same = part(one) == part(other)
            return (
                same or part(other) in ("", "document", "output", "settings") or (part(one), part(other)) in NEIGHBOURS
            )
    return False


@pytest.mark.parametrize("module", MODULES)
def test_each_room_only_imports_what_it_may(module: str) -> None:
    assert sorted(other for other in imported(module) if not may_import(module, other)) == []


def test_modules_of_the_core_do_not_import_each_other_in_circles() -> None:
    """El orden en que se leen: quitando una y otra vez los que nadie importa, no queda ninguno."""
    edges = {module: imported(module) for module in MODULES if room(module) == "etl" and module != "etl"}
    importers: dict[str, set[str]] = defaultdict(set)
    for module, others in edges.items():
        for other in others:
            importers[other].add(module)
    left = set(edges)
    while free := {module for module in left if not importers[module] & left}:
        left -= free
    assert sorted(left) == []


@pytest.mark.parametrize("module", PURE)
def test_validating_imports_no_database_and_no_file(module: str) -> None:
    used = {name.split(".")[0] for name in all_imported(module)}
    assert used & IMPURE == set()


def test_only_the_settings_module_reads_the_environment() -> None:
    """Las variables de los programas que se lanzan (Java, PostgreSQL) son otra cosa: las leen sus carpetas."""
    core = [module for module in MODULES if room(module) == "etl"]
    assert [module for module in core if mentions_environment(module)] == ["etl.cli", "etl.settings"]


def mentions_environment(module: str) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} for node in nodes(module))
