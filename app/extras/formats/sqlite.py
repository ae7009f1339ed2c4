"""Bases de datos SQLite: una tabla -> trozos de columnas de texto. `_line` es el número de fila.

Se abren sin poder escribir en ellas. Un BLOB se guarda como texto hexadecimal (`\\x…`), como PostgreSQL.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from etl.chunk import Chunk
from etl.dialect import ISO
from etl.errors import FileRefused
from extras.formats.unstorable import without_unstorable

ROWS = 20_000
# Lo que lanza el módulo de Python ante una base dañada; también un nombre que no es UTF-8.
DAMAGED = (sqlite3.Error, UnicodeDecodeError)


@dataclass
class SqliteTable:
    """Una tabla abierta. `numbers`: las columnas que guardan números, según su tipo declarado."""

    header: list[str]
    numbers: frozenset[int]
    rows: Iterator[tuple[int, tuple[Any, ...]]]

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos."""
        try:
            while batch := list(islice(self.rows, ROWS)):
                yield _to_chunk(batch, columns)
        except DAMAGED as error:
            raise _damaged(error) from error


def table_names(path: Path) -> list[str]:
    """Las tablas que hay, por nombre. Lanza `FileRefused` si no es una base de datos SQLite."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    try:
        with _open(path) as connection:
            return [name for (name,) in connection.execute(f"{query} ORDER BY name")]
    except DAMAGED as error:
        raise _damaged(error) from error


def open_table(path: Path, table: str) -> SqliteTable:
    """Abre una tabla. Lanza `FileRefused` si la base de datos está dañada."""
    identifier = '"' + table.replace('"', '""') + '"'
    try:
        connection = _open(path)
        types = [row[2].upper() for row in connection.execute(f"PRAGMA table_info({identifier})")]
        cursor = connection.execute(f"SELECT * FROM {identifier}")  # noqa: S608 - nombre entre comillas
    except DAMAGED as error:
        raise _damaged(error) from error
    numbers = frozenset(i for i, name in enumerate(types) if any(part in name for part in NUMERIC))
    return SqliteTable([column[0] for column in cursor.description], numbers, enumerate(cursor, start=1))


NUMERIC = ("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC")


def _open(path: Path) -> sqlite3.Connection:
    # Las primeras filas las lee el hilo que la abre y las demás el que prepara los trozos: nunca a la vez.
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def _damaged(error: Exception) -> FileRefused:
    return FileRefused(f"No es una base de datos SQLite legible: {error}.", "Copie el archivo de nuevo.")


def _to_chunk(batch: list[tuple[int, tuple[Any, ...]]], columns: dict[str, int]) -> Chunk:
    table = {
        name: pa.array([_text(row[position]) for _, row in batch], pa.string())
        for name, position in columns.items()
    }
    lines = pa.array([line for line, _ in batch], pa.int64())

    def raw(row: int) -> str:
        return json.dumps(list(map(_text, batch[row][1])), ensure_ascii=False)

    return without_unstorable(Chunk(pa.table(table), lines, raw, ISO))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return repr(value) if isinstance(value, float) else str(value)
