"""Los módulos se importan en un solo sentido, y validar no conoce ni la base de datos ni los archivos."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import etl

PACKAGE = Path(etl.__file__).parent
# De quien manda a quien obedece: cada uno solo importa de los que van después.
FLOW = [
    "cli",
    "pipeline",
    "one_file",
    "engines.spark.cluster",
    "engines.local",
    "known_file",
    "job",
    "load.table",
    "transform.validate",
    "transform.parse",
    "schema",
    "chunk",
    "dialect",
]
PURE = ("transform.validate", "transform.parse", "schema", "chunk", "dialect")
IMPURE = {"sqlalchemy", "psycopg", "pgpq", "os", "io", "pathlib", "time", "socket", "subprocess", "shutil"}


def nodes(module: str) -> Iterator[ast.AST]:
    path = PACKAGE / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def mentions_environment(module: str) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} for node in nodes(module)
    )


def imported(module: str) -> set[str]:
    """Los módulos que nombra un archivo del paquete, también dentro de sus funciones."""
    names: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def modules() -> list[str]:
    files = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(file.parts).removesuffix(".__init__") for file in files)


@pytest.mark.parametrize("module", PURE)
def test_validating_imports_no_database_and_no_files(module: str) -> None:
    assert not {name.split(".")[0] for name in imported(module)} & IMPURE


def test_validating_does_not_load_the_database_even_indirectly() -> None:
    code = (
        "import sys, etl.transform.validate; print(*{'sqlalchemy', 'psycopg', 'alembic'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("position", range(len(FLOW)))
def test_imports_run_one_way(position: int) -> None:
    earlier = {f"etl.{name}" for name in FLOW[:position]}
    assert not imported(FLOW[position]) & earlier


@pytest.mark.parametrize("module", [name for name in modules() if name.startswith("extract")])
def test_extract_knows_nothing_of_loading(module: str) -> None:
    forbidden = {
        f"etl.{name}"
        for name in (
            "cli",
            "pipeline",
            "one_file",
            "load",
            "load.table",
            "load.ledger",
            "database",
            "dataset",
        )
    }
    assert not imported(module) & (forbidden | {"psycopg", "sqlalchemy"})


def test_errors_import_nothing() -> None:
    assert imported("errors") == set()


# Solo lo pasan a otro programa (account, ports, session, sheets) o a numpy (startup), o lo miran
# cuando ya falló todo lo demás (failure).
ALLOWED_READERS = {
    "settings",
    "database.embedded.account",
    "doctor.ports",
    "engines.spark.session",
    "extract.sheets",
    "screen.failure",
    "startup",
}


def test_only_settings_reads_the_environment() -> None:
    assert {module for module in modules() if mentions_environment(module)} <= ALLOWED_READERS
