"""Bases de datos SQLite: una tabla -> trozos de columnas de texto. `_line` es el número de fila.

Se abren sin poder escribir en ellas. Un BLOB se guarda como texto hexadecimal (`\\x…`), como PostgreSQL.
"""

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from etl.errors import FileRefused
from etl.extract.source import refuse_bomb
from extras.formats.typed import ROWS, Row, TypedRows

# Lo que puede ocupar un trozo, y un valor que no está guardado sino que se calcula.
MOST_BYTES, COMPUTED = 8 << 20, 8 << 20
BAD_TEXT = "hay un texto que no está en UTF-8; corríjalo en la base de datos"
# Como dice SQLite que una columna se calcula al leerla, y qué hacer con una que da demasiado.
VIRTUAL, CURE = 2, "quite de la tabla las columnas calculadas (GENERATED), o expórtela a CSV"
# Lo que lanza el módulo de Python ante una base dañada; también un nombre que no es UTF-8.
DAMAGED = (sqlite3.Error, UnicodeDecodeError)


@cache
def consolidated(path: Path) -> Path:
    """Una copia, fuera de la carpeta de datos, con lo que aún está en el «-wal» que la acompaña.

    Dura lo que el programa. Si no se puede leer, la base de datos tal cual: se verá al cargarla.
    """
    folder = Path(tempfile.mkdtemp(prefix="etl-sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / path.name
    try:
        for end in ("", "-wal"):
            shutil.copyfile(f"{path}{end}", f"{copy}{end}")
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # pone en la base lo del «-wal», y lo quita
    except (*DAMAGED, OSError):
        return path
    return copy


def table_names(path: Path, *kinds: str) -> list[str]:
    """Las tablas de unas clases: «table», las que se leen; «virtual», y «shadow», las internas que las sostienen.

    Las estadísticas de SQLite no son de nadie. Lanza `FileRefused` si no es una base de datos SQLite.
    """
    try:
        with closing(_open(path)) as connection:
            found = connection.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name")
            return [name for name, kind in found if kind in kinds and not name.startswith("sqlite_")]
    except DAMAGED as error:
        raise _damaged(error) from error


def open_table(path: Path, table: str) -> TypedRows:
    """Abre una tabla. Lanza `FileRefused` si la base de datos está dañada."""
    name = _quoted(table)
    try:
        connection = _open(path)
        listed = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
        types = {row[1]: row[2].upper() for row in listed}
        size = _size(connection, name, [row[1] for row in listed if row[6] == VIRTUAL], path.stat().st_size)
        cursor = connection.execute(f"SELECT * FROM {name}")  # noqa: S608 - nombre entre comillas
        header = [column[0] for column in cursor.description]
        kinds = _kinds(connection, name, header, types)
        [(count,)] = connection.execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - ídem
    except DAMAGED as error:
        raise _damaged(error) from error
    return TypedRows(header, _rows(cursor), _text, _fault, kinds, min(ROWS, MOST_BYTES * count // size + 1))


def _size(connection: sqlite3.Connection, table: str, computed: list[str], stored: int) -> int:
    """Los bytes guardados y los que saldrán de calcular. Lanza `FileRefused` si son desmesurados."""
    size = stored
    try:
        for name in map(_quoted, computed):  # una a una: todas a la vez podrían no caber en la memoria
            [(length,)] = connection.execute(f"SELECT total(length({name})) FROM {table}")  # noqa: S608 - ídem
            size += int(length)
            refuse_bomb(size, stored, CURE)
    except sqlite3.DataError as error:
        raise FileRefused(
            f"Sus columnas calculadas dan valores enormes: {error}.", f"Si es de fiar, {CURE}."
        ) from error
    return size


def _kinds(connection: sqlite3.Connection, table: str, header: list[str], types: dict[str, str]) -> dict[int, str]:
    """La clase de cada columna, según lo que guarda: en SQLite el tipo declarado no obliga a nada."""
    asked = ", ".join(f"group_concat(DISTINCT typeof({_quoted(name)}))" for name in header)
    stored = next(connection.execute(f"SELECT {asked} FROM {table}"))  # noqa: S608 - ídem
    kinds = {}
    for at, (name, found) in enumerate(zip(header, stored, strict=True)):
        classes = set((found or "null").split(",")) - {"null"}
        if "real" in classes and classes <= {"integer", "real"}:
            exact = any(part in types.get(name, "") for part in ("NUM", "DEC")) or _too_long(connection, table, name)
            kinds[at] = "number" if exact else "double"
        elif len(classes) == 1:
            kinds[at] = {"integer": "integer", "text": "text", "blob": "binary"}[classes.pop()]
    return kinds


def _too_long(connection: sqlite3.Connection, table: str, column: str) -> bool:
    """Si algún entero no cabe exacto en un número de coma flotante."""
    name, most = _quoted(column), 2**53
    query = f"SELECT 1 FROM {table} WHERE typeof({name}) = 'integer' AND {name} NOT BETWEEN -{most} AND {most} LIMIT 1"  # noqa: S608 - ídem
    return connection.execute(query).fetchone() is not None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _open(path: Path) -> sqlite3.Connection:
    # Las primeras filas las lee el hilo que la abre y las demás el que prepara los trozos: nunca a la vez.
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    # Nada de lo que está guardado pasa de lo que ocupa el archivo, ni de lo que admite SQLite.
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(10**9, max(COMPUTED, path.stat().st_size)))
    # Un texto que no es UTF-8 aparta su fila, y no la tabla entera.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return connection


def _damaged(error: Exception) -> FileRefused:
    return FileRefused(f"No es una base de datos SQLite legible: {error}.", "Copie el archivo de nuevo.")


def _rows(cursor: sqlite3.Cursor) -> Iterator[tuple[int, Row]]:
    try:
        yield from enumerate(cursor, start=1)
    except DAMAGED as error:
        raise _damaged(error) from error


def _fault(_line: int, row: Row, _used: set[int]) -> tuple[str, str] | None:
    """Si algún texto no estaba en UTF-8."""
    texts = (value for value in row if isinstance(value, str) and not value.isascii())
    broken = any("\udc80" <= character <= "\udcff" for text in texts for character in text)
    return ("encoding", BAD_TEXT) if broken else None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return repr(value) if isinstance(value, float) else str(value)
