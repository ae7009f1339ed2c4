"""Deshace la carga de un archivo, en una transacción, como si una versión nueva no trajera ninguna de sus filas.

Lo que había sustituido de otros archivos queda señalado, y la carga siguiente lo repone. Su apunte sigue en el
libro, como reemplazado.
"""

from pathlib import Path
from uuid import uuid4

from psycopg import errors, sql

from etl.database.connection import LOADER, Connection, connect
from etl.errors import FileFailed, UsageError
from etl.extract.discover import name_of
from etl.extract.source import Source
from etl.load import versions
from etl.load.ledger import Load
from etl.load.marts import refresh_marts
from etl.load.versions import NEW, Version
from etl.one_file import lock
from etl.reader import program
from etl.schema import Declared, Table
from etl.settings import Settings
from extras.marts.changed import renew

STAGING = "staging"
# Cuántas filas tiene un archivo en una tabla, y cuántas de ellas salieron corregidas de la cuarentena.
ROWS = (
    "SELECT count(*), count(*) FILTER (WHERE (_load_id, _line) IN (SELECT load_id, line FROM etl.rejects"
    " WHERE code = 'repaired')) FROM {} JOIN etl.loads AS l ON _load_id = l.load_id WHERE l.file = %s"
)


def forget(settings: Settings, file: Path, declared: list[Declared]) -> list[tuple[str, int, int]]:
    """Quita las filas de un archivo; devuelve, por tabla, cuántas eran y cuántas de ellas alguien había corregido.

    Lanza `UsageError` si no está cargado, `FileRefused` si otras tablas usan sus filas y `FileFailed` si algo
    depende de su tabla.
    """
    known = {one.table.name: one.table for one in declared}
    with connect(settings, role=LOADER) as connection:
        with connection.transaction():
            found = _loads(connection, [file.as_posix(), name_of(file, settings.datos_dir)])
            if not found:
                raise UsageError(f"«{file}» no está cargado.", f"Vea lo que hay con «{program()} status».")
            # Las hijas antes que las madres.
            order = list(known)
            found.sort(key=lambda one: order.index(one[1]) if one[1] in known else -1, reverse=True)
            done = [_forget(connection, name, table, known.get(table)) for name, table in found]
        refresh_marts(connection, settings.sql_dir / "marts", renew)
    return done


def _loads(connection: Connection, names: list[str]) -> list[tuple[str, str]]:
    """El archivo, o lo que lleva dentro (miembros, hojas), y la tabla de cada uno."""
    return connection.execute(
        "SELECT DISTINCT file, table_name FROM etl.loads, unnest(%s::text[]) AS asked"
        " WHERE status = 'loaded' AND (file = asked OR starts_with(file, asked || '/')) ORDER BY 1, 2",
        (names,),
    ).fetchall()


def _forget(connection: Connection, name: str, table_name: str, table: Table | None) -> tuple[str, int, int]:
    schema, _, bare = table_name.partition(".")
    if table is None and schema != STAGING:
        raise UsageError(f"La tabla {table_name} ya no está declarada.", "Devuelva su declaración a app/declared.")
    load = Load(uuid4(), "local", Source(Path(name), name, name), table or Table(schema, bare))
    lock(connection, load.table)
    identifier = sql.Identifier(schema, bare)
    rows, mended = connection.execute(sql.SQL(ROWS).format(identifier), (name,)).fetchone() or (0, 0)
    if table:
        versions.defer_references(connection, table)
        versions.settle(connection, load, Version(new=True, replaces=versions.retire_previous(connection, load, NEW)))
        # Puede haber otra después, en la misma transacción.
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}, {}").format(versions.RETIRED, versions.GONE))
    else:
        versions.retire(connection, load, NEW)
        try:
            connection.execute(sql.SQL("DROP TABLE {}").format(identifier))
        except errors.DependentObjectsStillExist as error:
            raise FileFailed(
                f"Hay objetos que dependen de {table_name}: {error.diag.message_detail}", "Bórrelos antes."
            ) from error
    return table_name, rows, mended
