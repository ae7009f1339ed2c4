"""Pruebas de lo que declara el proyecto. Las de sus data sets y sus marts van en esta carpeta.

    settings   la base de datos con las migraciones del proyecto, vacía, y una carpeta datos/, también
    run        `etl run` con lo que declara el proyecto; devuelve lo que escribe con `--json`

Las demás pruebas no saben qué declara el proyecto: «declared» es en ellas tests/own/declared, y también
en este proceso. Por eso lo que se declara en app/declared se prueba con la orden, que es otro.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from etl.settings import ROOT, Settings
from project.command import etl
from support import ServerAddress, administer, settings_for


@pytest.fixture(scope="session")
def sql_dir() -> Path:
    """Las migraciones y los marts del proyecto."""
    return ROOT / "sql"


@pytest.fixture(scope="session")
def template(server: ServerAddress, sql_dir: Path) -> ServerAddress:
    """La base que se copia para cada prueba: la del proyecto, recién migrada y sin datos."""
    from etl.database.migrate import migrate

    address = replace(server, dbname=f"plantilla_{uuid.uuid4().hex[:12]}")
    administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(address.dbname)))
    migrate(replace(settings_for(address), sql_dir=sql_dir))
    return address


@pytest.fixture
def run(settings: Settings) -> Callable[..., dict[str, Any]]:
    """Carga archivos o carpetas (sin ninguno, la carpeta datos/ de la prueba) y devuelve el documento JSON."""

    def load(*paths: Path) -> dict[str, Any]:
        done = etl(settings, "run", "--json", *map(str, paths))
        assert done.stdout, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    return load
