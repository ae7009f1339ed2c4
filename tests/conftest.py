"""Lo que comparten las pruebas: servidores de PostgreSQL desechables y una base por prueba.

    server     un PostgreSQL embebido nuevo (16 y 18; `--pg 16` prueba solo uno), por sesión
    sql_dir    las migraciones y los marts con que corren: los suyos (tests/own), por sesión
    database   una base recién migrada, copia de una plantilla (unos 50 ms), por prueba
    settings   un `Settings` que apunta a esa base y a una carpeta datos/ vacía

Lo que una máquina no puede correr se salta con `pytest.skip("falta ...")`: con CI=true ese
salto es un fallo, para que nada deje de probarse en silencio.
"""

import os
import uuid
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from etl.settings import ROOT, Settings
from extras.embedded import lifecycle as embedded
from extras.embedded.programs import PROGRAMS
from own_project import own_sql
from support import ServerAddress, administer, connect, own_server, settings_for, temporary_local_dir

VERSIONS = tuple(map(str, PROGRAMS))
# Sin plazo por ejemplo: la máquina puede estar ocupada. En CI, siempre los mismos ejemplos.
hypothesis_settings.register_profile(
    "etl",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
hypothesis_settings.load_profile("etl")
USER, PASSWORD = "alumno", "bigdata2026"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pg", choices=VERSIONS, help="probar solo con esta versión de PostgreSQL")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cada prueba que usa un servidor, o una versión, corre con todas las pedidas; si vale cualquiera, con una."""
    only, one = metafunc.config.getoption("--pg"), metafunc.definition.get_closest_marker("any_server")
    versions = [int(version) for version in ([only] if only else VERSIONS[:1] if one else VERSIONS)]
    for name in {"server", "pg_version"} & set(metafunc.fixturenames):
        metafunc.parametrize(name, versions, indirect=name == "server", scope="session", ids="pg{}".format)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lo que usa PostgreSQL lleva la marca `database` sin tener que escribirla."""
    for item in items:
        if {"server", "pg_version"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.database)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """En CI, saltarse una prueba porque «falta» algo es un fallo."""
    report = yield
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    if os.environ.get("CI") and report.skipped and "falta " in reason:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {reason} (con CI=true no se puede saltar)"
    return report


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[ServerAddress]:
    """Un servidor nuevo, con sus datos en una carpeta temporal que se borra al acabar."""
    with temporary_local_dir() as local_dir:
        address = own_server(local_dir, request.param, USER, PASSWORD, "plantilla")
        try:
            # Solo aquí: si la máquina se apaga en mitad de las pruebas no se pierde nada.
            administer(address, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield address
        finally:
            embedded.stop(local_dir, request.param)


@pytest.fixture(scope="session")
def sql_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Las migraciones y los marts de las pruebas, con el resto de `sql/` del proyecto."""
    return own_sql(tmp_path_factory.mktemp("proyecto") / "sql")


@pytest.fixture(scope="session")
def template(server: ServerAddress, sql_dir: Path) -> ServerAddress:
    """La base que se copia para cada prueba: recién migrada y sin datos."""
    from etl.database.migrate import migrate

    migrate(replace(settings_for(server), sql_dir=sql_dir))
    return server


@pytest.fixture
def database(template: ServerAddress) -> Iterator[ServerAddress]:
    """Una base para una sola prueba, migrada y vacía; al acabar se borra con quien siga dentro."""
    name = f"prueba_{uuid.uuid4().hex[:12]}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    administer(template, copy.format(sql.Identifier(name), sql.Identifier(template.dbname)))
    copied = replace(template, dbname=name)
    with connect(copied) as connection:
        # Los permisos y ajustes de la propia base no vienen en la copia; este archivo los repone.
        connection.execute((ROOT / "sql" / "init.sql").read_text(encoding="utf-8"))
    try:
        yield copied
    finally:
        administer(template, drop.format(sql.Identifier(name)))


@pytest.fixture
def settings(database: ServerAddress, sql_dir: Path, tmp_path: Path) -> Settings:
    """La configuración de una prueba: su base de datos y su carpeta datos/, vacía."""
    datos = tmp_path / "datos"
    datos.mkdir()
    return replace(settings_for(database), datos_dir=datos, sql_dir=sql_dir, connect_seconds=10)
