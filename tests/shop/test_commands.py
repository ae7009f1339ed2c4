"""Como quien llega nuevo: una copia recién hecha y cada orden de los documentos, tal como está escrita."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from compose.conftest import engine, images, make_stack, project, spark_image  # noqa: F401 - fixtures
from compose.stack import Stack, fresh_copy, strict_copy
from docs.markdown import Block, blocks, check
from etl.settings import ROOT
from shop.stack import built, clone  # noqa: F401 - fixtures


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> list[Block]:
    """Los bloques de una sección `##`."""
    start = text.index(f"\n## {title}")
    end = text.find("\n## ", start + 1)
    return blocks(text[start : end if end > 0 else len(text)])


@pytest.fixture
def newcomer(make_stack: Callable[..., Stack], tmp_path: Path) -> Stack:  # noqa: F811
    """Una copia del proyecto con nombres y puertos propios; el resto, como en cualquier máquina."""
    return make_stack(strict_copy(tmp_path / "proyecto"))


def follow(stack: Stack, steps: list[Block]) -> None:
    environment = {**os.environ, **stack.environment, "COLUMNS": "120"}
    assert steps
    for step in steps:
        if not step.note.startswith("no, porque "):
            check(step, stack.folder, environment)


@pytest.mark.docker
@pytest.mark.timeout(1800)
def test_the_readme_with_docker(newcomer: Stack) -> None:
    text = read("README.md")
    follow(newcomer, section(text, "Empezar con Docker") + section(text, "El día a día"))


@pytest.mark.docker
@pytest.mark.spark
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("spark_image")
def test_the_readme_with_spark(newcomer: Stack) -> None:
    follow(newcomer, section(read("README.md"), "En un clúster de Spark"))


@pytest.mark.docker
@pytest.mark.timeout(1800)
def test_the_guide(newcomer: Stack) -> None:
    follow(newcomer, blocks(read("docs/guia.md")))


@pytest.mark.docker
@pytest.mark.timeout(1800)
def test_the_backup_is_restored_and_the_counts_are_equal(newcomer: Stack) -> None:
    assert newcomer.up() == 0
    query = "SELECT (SELECT count(*) FROM ventas), (SELECT count(*) FROM etl.rejects), (SELECT count(*) FROM etl.loads)"
    before = newcomer.query(query)
    follow(newcomer, [block for block in blocks(read("docs/produccion.md")) if block.note == "copia"])
    assert newcomer.wait("app_etl") == 0
    assert newcomer.query(query) == before
    # Los permisos también vuelven: el cargador sigue sin poder borrar tablas.
    assert newcomer.query("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'datos.ventas'::regclass") == [
        ["etl_owner"]
    ]


@pytest.mark.docker
@pytest.mark.timeout(1800)
def test_the_upgrade_from_16_to_18(newcomer: Stack, images: dict[str, str]) -> None:  # noqa: F811
    backup, _, restore = [block for block in blocks(read("docs/produccion.md")) if block.note == "copia"]
    assert newcomer.up() == 0
    before = newcomer.number("SELECT count(*) FROM ventas")
    follow(newcomer, [backup])
    newcomer.environment["POSTGRES_IMAGE"] = images["POSTGRES18_IMAGE"]
    follow(newcomer, [restore])
    assert newcomer.wait("app_etl") == 0
    assert newcomer.query("SHOW server_version")[0][0].startswith("18")
    assert newcomer.number("SELECT count(*) FROM ventas") == before


@pytest.mark.docker
@pytest.mark.timeout(1800)
def test_the_secrets_in_files(newcomer: Stack) -> None:
    follow(newcomer, [block for block in blocks(read("docs/produccion.md")) if block.note == "secretos"])
    newcomer.files = ("docker-compose.yml", "docker-compose.secrets.yml")
    assert newcomer.wait("app_etl") == 0


def without_installing(step: Block) -> Block:
    """`make test` con lo que ya está instalado aquí: prepararlo todo otra vez serían varios minutos."""
    if step.note != "pytest":
        return step
    return replace(step, code=step.code.replace("make test ARGS=", f"{sys.executable} -m pytest "))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_readme_without_docker(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("falta make")
    folder = fresh_copy(tmp_path / "proyecto")
    kept = {
        name: value
        for name, value in os.environ.items()
        # MAKE...: los argumentos del «make test» de fuera no son para los «make» de dentro.
        if not name.startswith(("DB_", "ETL_", "PG", "PYTHON", "MAKE", "MFLAGS", "ARGS"))
    }
    environment = {**kept, "PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}", "COLUMNS": "80"}
    text = read("README.md")
    try:
        for step in section(text, "Empezar sin Docker") + section(text, "Su primer dataset"):
            check(without_installing(step), folder, environment)
    finally:
        subprocess.run(["make", "clean"], cwd=folder, env=environment, capture_output=True, check=False)
