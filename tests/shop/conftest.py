"""Pruebas de la tienda que trae el proyecto: sus tablas, sus datos, su generador y sus documentos.

Nada de fuera de esta carpeta las necesita, ni a la tienda. Aquí la base se prepara con las migraciones
del proyecto. En este proceso «declared» es lo que declaran las pruebas: lo que declara la tienda se usa
en otro, con `shop.command`.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from etl.settings import ROOT
from extras.embedded import ServerAddress
from spark.conftest import cluster, java, running_cluster  # noqa: F401 - fixtures
from support import administer, settings_for


@pytest.fixture(scope="session")
def sql_dir() -> Path:
    """Las migraciones y los marts del proyecto."""
    return ROOT / "sql"


@pytest.fixture(scope="session")
def template(server: ServerAddress, sql_dir: Path) -> ServerAddress:
    """La base que se copia para cada prueba: la del proyecto, recién migrada y sin datos."""
    from etl.database.migrate import migrate

    address = replace(server, dbname="plantilla_tienda")
    administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(address.dbname)))
    migrate(replace(settings_for(address), sql_dir=sql_dir))
    return address
