"""Funciones que usan varias pruebas: `from support import connect`. Los fixtures, en conftest.py."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from etl.settings import Settings
from extras.embedded.lifecycle import ensure_running


@contextmanager
def temporary_local_dir() -> Iterator[Path]:
    """Una carpeta para un `.local/`: como root, el servidor corre con otra cuenta y debe poder entrar.

    `tmp_path` no sirve: pytest la cierra a los demás usuarios.
    """
    path = Path(tempfile.mkdtemp(prefix="etl-pruebas-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class ServerAddress:
    """Dónde escucha un servidor y cómo se entra en él: como su dueño, o como el cargador o el lector."""

    host: str
    port: int
    user: str
    password: str
    dbname: str
    loader_password: str = ""
    reader_password: str = ""


def own_server(local_dir: Path, version: int, user: str, password: str, dbname: str) -> ServerAddress:
    """El servidor embebido de esa carpeta, en marcha."""
    wanted = Settings(
        local_dir=local_dir, pg_version=version, db_host=None, db_user=user, db_password=password, db_name=dbname
    )
    own = ensure_running(wanted)
    return ServerAddress(
        str(own.db_host),
        own.db_port,
        own.db_user,
        own.db_password,
        own.db_name,
        own.loader_password,
        own.reader_password,
    )


def settings_for(address: ServerAddress) -> Settings:
    """La configuración que entra en ese servidor con su superusuario."""
    return Settings(
        db_host=address.host,
        db_port=address.port,
        db_user=address.user,
        db_password=address.password,
        db_name=address.dbname,
    )


def connect(address: ServerAddress, **options: Any) -> psycopg.Connection[Any]:
    """Una conexión de superusuario, con autocommit, para preparar y para mirar."""
    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        dbname=address.dbname,
        **{"autocommit": True} | options,
    )


def administer(address: ServerAddress, *statements: Any) -> None:
    """Órdenes sobre el servidor o sobre una base entera, desde la base `postgres`."""
    execute(replace(address, dbname="postgres"), *statements)


def execute(address: ServerAddress, *statements: Any) -> None:
    """Órdenes en la base de la prueba, cada una confirmada por su cuenta."""
    with connect(address) as connection:
        for statement in statements:
            connection.execute(statement)


def fetch(address: ServerAddress, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """El resultado de una consulta."""
    with connect(address) as connection:
        return connection.execute(query, parameters or None).fetchall()


def connect_settings(settings: Settings, **options: Any) -> psycopg.Connection[Any]:
    """Una conexión de superusuario a la base de esa configuración."""
    return psycopg.connect(
        host=settings.db_host,
        port=settings.db_port,
        user=settings.db_user,
        password=settings.db_password,
        dbname=settings.db_name,
        **{"autocommit": True} | options,
    )
