"""Lo que comparten las pruebas: servidores de PostgreSQL desechables y una base por prueba.

    server     un PostgreSQL embebido nuevo (16 y 18; `--pg 16` prueba solo uno), por sesión
    sql_dir    las migraciones y los marts con que corren: los suyos (tests/own), por sesión
    database   una base recién migrada, copia de una plantilla (unos 50 ms), por prueba
    settings   un `Settings` que apunta a esa base y a una carpeta datos/ vacía

Lo que una máquina no puede correr se salta con `pytest.skip("falta ...")`: con CI=true ese
salto es un fallo, para que nada deje de probarse en silencio.
"""

import gc
import os
import signal
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from xdist.scheduler import LoadScopeScheduling

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
# Lo que comparten los archivos de una carpeta: van juntos, y nunca dos a la vez.
SHARED = {"tests/compose/": "Docker", "tests/spark/": "Spark"}
# Lo que más tarda empieza lo primero («make test»): al final no queda un procesador solo con ello.
LONGEST: tuple[str, ...] = ("tests/compose/", "tests/pythons/")
# tienda
LONGEST += ("tests/shop/test_remove",)
SHARED |= {
    "tests/shop/test_commands": "Docker",
    "tests/shop/test_spark_stack": "Docker",
    "tests/shop/test_jobs": "Spark",
}
# /tienda
USER, PASSWORD = "alumno", "bigdata2026"
# Quien lanza las pruebas en segundo plano («make test &») puede dejarlas sin Ctrl-C, y de ellas lo heredan las órdenes.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Recoger miles de pruebas crea muchos objetos y ninguna basura: buscarla era la mitad de lo que se tardaba.
gc.set_threshold(300_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pg", choices=VERSIONS, help="probar solo con esta versión de PostgreSQL")


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Reparte las pruebas por archivos; todas las que usan Docker, al mismo proceso, y las del clúster de Spark, también."""

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return next((shared for start, shared in SHARED.items() if file.startswith(start)), file)

    return ByFile(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cada prueba que usa un servidor, o una versión, corre con todas las pedidas; si vale cualquiera, con una."""
    only, one = metafunc.config.getoption("--pg"), metafunc.definition.get_closest_marker("any_server")
    versions = [int(version) for version in ([only] if only else VERSIONS[:1] if one else VERSIONS)]
    for name in [name for name in ("server", "pg_version") if name in metafunc.fixturenames]:
        metafunc.parametrize(name, versions, indirect=name == "server", scope="session", ids="pg{}".format)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Lo que usa PostgreSQL lleva la marca `database` sin tener que escribirla. Lo más largo, delante."""
    for item in items:
        if {"server", "pg_version"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.database)
    yield
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """En CI, saltarse una prueba porque «falta» algo es un fallo."""
    report = yield
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    if os.environ.get("CI") and report.skipped and "falta " in reason:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {reason} (con CI=true no se puede saltar)"
    return report


@contextmanager
def running(version: int) -> Iterator[ServerAddress]:
    """Un servidor nuevo, con sus datos en una carpeta temporal que se borra al acabar."""
    with temporary_local_dir() as local_dir:
        address = own_server(local_dir, version, USER, PASSWORD, "plantilla")
        try:
            # Solo aquí: si la máquina se apaga en mitad de las pruebas no se pierde nada.
            administer(address, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield address
        finally:
            embedded.stop(local_dir, version)


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], ServerAddress]]:
    """Los servidores de esta sesión: cada uno arranca cuando se pide y dura hasta el final."""
    with ExitStack() as stack:
        yield cache(lambda version: stack.enter_context(running(version)))


@pytest.fixture(scope="session")
def server(servers: Callable[[int], ServerAddress], request: pytest.FixtureRequest) -> ServerAddress:
    return servers(request.param)


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
