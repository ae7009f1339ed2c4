"""El libro de cargas (`etl.loads`): qué archivo, cuántas filas y qué fue de cada una.

Cada apunte se escribe en la misma transacción que las filas de su archivo: o están los dos, o
ninguno. Un CHECK de la tabla exige que leídas = cargadas + duplicadas + rechazadas.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from etl.dialect import Dialect


@dataclass
class Counts:
    """Lo que fue de las filas de un archivo. Las actualizadas son parte de las cargadas."""

    read: int = 0
    loaded: int = 0
    updated: int = 0
    duplicate: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class Entry:
    """Lo que se sabe de una carga antes de empezar."""

    run_id: UUID
    file: str
    table: str
    engine: str
    bytes: int
    # De un archivo con varias tablas dentro, cuál es: «/miembro», «/hoja».
    inside: str = ""


def may_be_known(connection: Connection[Any], entry: Entry) -> bool:
    """Si se cargó un archivo del mismo tamaño: solo entonces hace falta la huella antes de leer."""
    return bool(
        connection.execute(
            "SELECT 1 FROM etl.loads WHERE table_name = %s AND bytes = %s AND sha256 IS NOT NULL LIMIT 1",
            (entry.table, entry.bytes),
        ).fetchone()
    )


def begin(connection: Connection[Any], entry: Entry) -> int:
    """Abre el apunte y devuelve su `load_id`. Hasta el COMMIT nadie más lo ve."""
    row = connection.execute(
        "INSERT INTO etl.loads (run_id, file, table_name, engine, bytes, status)"
        " VALUES (%s, %s, %s, %s, %s, 'loading') RETURNING load_id",
        (entry.run_id, entry.file, entry.table, entry.engine, entry.bytes),
    ).fetchone()
    assert row is not None
    return int(row[0])


def describe(
    connection: Connection[Any],
    load_id: int,
    header: list[str],
    dialect: Dialect | None,
    formats: dict[str, str] | None = None,
) -> None:
    """Apunta cómo era el archivo: con esto se vuelven a leer sus filas en cuarentena.

    `formats`: de un archivo sin declarar, cómo estaban escritos los valores de cada columna con tipo.
    """
    marks = {name: getattr(dialect, name) for name in ("delimiter", "quote", "escape")} if dialect else {}
    known = {**marks, **({"formats": formats} if formats else {})}
    connection.execute(
        "UPDATE etl.loads SET header = %s, dialect = %s WHERE load_id = %s",
        (header, Jsonb(known) if known else None, load_id),
    )


def finish(
    connection: Connection[Any],
    load_id: int,
    sha256: str,
    counts: Counts,
    encoding: str | None,
    warnings: list[str],
) -> None:
    """Cierra el apunte como cargado, con sus cuentas."""
    connection.execute(
        "UPDATE etl.loads SET status = 'loaded', sha256 = %s, rows_read = %s, rows_loaded = %s, rows_updated = %s,"
        " rows_duplicate = %s, rows_rejected = %s, encoding = %s, warnings = %s, finished_at = clock_timestamp()"
        " WHERE load_id = %s",
        (
            sha256,
            counts.read,
            counts.loaded,
            counts.updated,
            counts.duplicate,
            counts.rejected,
            encoding,
            warnings,
            load_id,
        ),
    )


def record_failure(connection: Connection[Any], entry: Entry, status: str, error: str) -> None:
    """Apunta un archivo del que no se cargó nada: `refused` (no vale) o `failed` (se interrumpió)."""
    connection.execute(
        "INSERT INTO etl.loads (run_id, file, table_name, engine, bytes, status, error, finished_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp())",
        (entry.run_id, entry.file, entry.table, entry.engine, entry.bytes, status, error),
    )


def outcome(connection: Connection[Any], load_id: int, run_id: UUID) -> Counts | None:
    """Las cuentas de una carga si llegó a confirmarse; sirve cuando se perdió la respuesta al COMMIT."""
    row = connection.execute(
        "SELECT rows_read, rows_loaded, rows_updated, rows_duplicate, rows_rejected FROM etl.loads"
        # Tras una caída del servidor, otra ejecución pudo recibir el mismo número.
        " WHERE load_id = %s AND run_id = %s AND status = 'loaded'",
        (load_id, run_id),
    ).fetchone()
    return Counts(*row) if row else None
