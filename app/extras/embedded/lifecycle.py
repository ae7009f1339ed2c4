"""PostgreSQL sin instalar nada: el servidor que viene en un paquete de Python.

Entra una configuración, con la carpeta local del proyecto y una versión (16 o 18); sale la de un servidor en
marcha, solo en 127.0.0.1. Los datos quedan en `.local/pg16` o `.local/pg18` y el servidor sigue
encendido entre órdenes, para que la siguiente sea inmediata; `etl db stop` lo apaga.

    cluster.py   crea la carpeta de datos      process.py   arranca, encuentra y para
    programs.py  los programas del paquete     account.py   con qué cuenta corren si somos root
    secret.py    las contraseñas
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import fasteners
import psycopg
from psycopg import sql

from etl.database.connection import LOADER
from etl.database.migrate import READER, set_password
from etl.errors import DatabaseUnavailable
from etl.settings import Settings
from extras.embedded import cluster, process, programs, secret

# Lo que puede tardar otro proceso en crear o arrancar este mismo servidor.
LOCK_SECONDS = process.START_SECONDS + 30
WRONG_PASSWORD = "password authentication failed"  # noqa: S105 - es lo que dice PostgreSQL


def ensure_running(settings: Settings) -> Settings:
    """La misma configuración, con la dirección y las contraseñas del servidor propio, en marcha y con su base de datos.

    Lo crea si no existe y lo arranca si está parado. Repetirla no cambia nada y, con el servidor en marcha, tarda unos
    10 ms. Dos procesos a la vez se esperan. `db_user` es el superusuario con el que se creó. Las contraseñas salen de un
    secreto; la de `settings` es la que tenía un servidor de antes de que lo hubiera.
    """
    local_dir, version = settings.local_dir, settings.pg_version
    with _lock(local_dir, version):
        key = secret.read_or_create(local_dir / f"pg{version}.secreto")
        owner, loader, reader = (secret.password(key, role) for role in (settings.db_user, LOADER, READER))
        if not (_data(local_dir, version) / "PG_VERSION").exists():
            cluster.create(local_dir, version, settings.db_user, owner)
        data = _data(local_dir, version)
        port = process.running_port(data) or process.start(data, version)
        own = replace(settings, db_host=process.HOST, db_port=port, db_password=owner)
        own = replace(own, loader_password=loader, reader_password=reader)
        try:
            _ensure_database(own)
        except psycopg.OperationalError as error:
            if WRONG_PASSWORD not in str(error):
                raise _no_entry(own, data, error) from error
            _change_passwords(own, settings.db_password, data)
            _ensure_database(own)
    return own


def stop(local_dir: Path, version: int) -> bool:
    """Apaga el servidor; devuelve si estaba en marcha. Los datos se quedan."""
    data = _data(local_dir, version)
    if not data.exists():
        return False
    with _lock(local_dir, version):
        if process.running_port(data) is None:
            return False
        process.stop(data, version)
    return True


def psql_path(version: int) -> Path:
    """El `psql` de la misma versión que el servidor."""
    return programs.find(version) / ("psql.exe" if os.name == "nt" else "psql")


def _data(local_dir: Path, version: int) -> Path:
    return (local_dir / f"pg{version}").resolve()


@contextmanager
def _lock(local_dir: Path, version: int) -> Iterator[None]:
    """Un proceso cada vez crea, arranca o para. El sistema suelta el cerrojo de quien muere."""
    path = local_dir / f"pg{version}.lock"
    try:
        local_dir.mkdir(parents=True, exist_ok=True)
        lock = fasteners.InterProcessLock(path)
        acquired = lock.acquire(timeout=LOCK_SECONDS, delay=0.02, max_delay=0.1)
    except PermissionError as error:
        raise programs.belongs_to_someone_else(local_dir) from error
    if not acquired:
        raise DatabaseUnavailable(f"Otro proceso lleva más de {LOCK_SECONDS} s con {path}.")
    try:
        yield
    finally:
        lock.release()


def _ensure_database(own: Settings) -> None:
    with _administer(own) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [own.db_name]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(own.db_name)))


def _change_passwords(own: Settings, old_password: str, data: Path) -> None:
    """Da a un servidor de antes las contraseñas que salen del secreto: la suya la conocía todo el mundo."""
    new = {own.db_user: own.db_password, LOADER: own.loader_password, READER: own.reader_password}
    try:
        with _administer(replace(own, db_password=old_password)) as connection:
            found = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(new)])
            for (role,) in found.fetchall():
                set_password(connection, role, new[role])
    except psycopg.OperationalError as error:
        raise _no_entry(own, data, error) from error


def _no_entry(own: Settings, data: Path, error: psycopg.Error) -> DatabaseUnavailable:
    hint = "Si cambió DB_USER o DB_PASSWORD, ponga los de antes: esta base de datos se creó con ellos."
    return DatabaseUnavailable(
        f"No se puede entrar como «{own.db_user}» en el servidor de {data}: {error}".rstrip(),
        hint if WRONG_PASSWORD in str(error) else "",
    )


def _administer(own: Settings) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=own.db_host,
        hostaddr="",  # como en connection.py
        port=own.db_port,
        user=own.db_user,
        password=own.db_password,
        dbname="postgres",
        connect_timeout=10,
        options="-c search_path=pg_catalog",
        autocommit=True,
    )
