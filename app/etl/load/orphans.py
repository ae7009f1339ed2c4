"""Las filas huérfanas: su clave foránea apunta a una fila que no existe. Se apartan y, si esta llega, se repiten.

Entran unas filas y las claves foráneas de su tabla; salen las que tienen madre y los rechazos de las demás.
Lo usan los dos motores; aquí se pregunta a PostgreSQL por los valores distintos, no por las filas.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from psycopg import Connection, sql

from etl.chunk import Chunk, Reject, from_numpy
from etl.schema import ForeignKey, Table


def without_orphans(
    connection: Connection[Any], table: Table, rows: pa.Table, chunk: Chunk
) -> tuple[pa.Table, list[Reject]]:
    """Las filas cuya madre existe, y los rechazos de las otras, que llevan el texto de `chunk`."""
    rejects: list[Reject] = []
    for key in table.foreign_keys:
        values = rows[key.column].unique().drop_null()
        missing = _missing(connection, table, key, values) if len(values) else {}
        if missing:
            alone = np.array([value in missing for value in rows[key.column].to_pylist()])
            lost = rows.filter(from_numpy(alone))
            rejects += [
                _orphan(chunk, line, key, missing[value])
                for line, value in zip(lost["_line"].to_pylist(), lost[key.column].to_pylist(), strict=True)
            ]
            rows = rows.filter(from_numpy(~alone))
    return rows, rejects


def _missing(connection: Connection[Any], table: Table, key: ForeignKey, values: pa.ChunkedArray) -> dict[Any, str]:
    """Los valores que no están en la tabla madre, y cómo los escribe PostgreSQL."""
    statement = sql.SQL(
        # Los textos se leen con el tipo de la columna: así se usa el índice de la clave.
        "SELECT number - 1, value::text FROM (SELECT number, text::{type} AS value"
        " FROM unnest(%s::text[]) WITH ORDINALITY AS asked (text, number)) AS typed"
        " WHERE NOT EXISTS (SELECT FROM {parent} AS p WHERE p.{column} = value)"
    ).format(type=_column_type(connection, table, key.column), **_parent(key))
    found = connection.execute(statement, (values.cast(pa.string()).to_pylist(),))
    return {values[number].as_py(): text for number, text in found}


def _orphan(chunk: Chunk, line: int, key: ForeignKey, value: str) -> Reject:
    row = int(np.searchsorted(np.from_dlpack(chunk.lines), line))
    message = f"columna «{key.column}»: se leyó «{value}» y no existe en la tabla «{key.parent_table}»"
    return Reject(line, chunk.raw(row), key.column, value, "orphan", message)


def found_its_parent(connection: Connection[Any], table: Table, key: ForeignKey, load_id: int) -> bool:
    """Si alguna fila huérfana de esa carga ya tiene a qué apuntar."""
    query = sql.SQL(
        # Con el tipo de la clave se usa su índice. Comparar textos sería cada huérfana con cada madre:
        # nadie ha contado todavía los rechazos nuevos, y PostgreSQL los cree muy pocos.
        "SELECT EXISTS (SELECT FROM etl.rejects AS r JOIN {parent} AS p ON p.{column} = r.value::{type}"
        " WHERE r.load_id = %s AND r.code = 'orphan' AND r.column_name = %s)"
    ).format(type=_column_type(connection, table, key.column), **_parent(key))
    return bool(connection.execute(query, (load_id, key.column)).fetchone()[0])  # type: ignore[index]


def _parent(key: ForeignKey) -> dict[str, sql.Composable]:
    return {"parent": sql.Identifier(key.parent_schema, key.parent_table), "column": sql.Identifier(key.parent_column)}


def _column_type(connection: Connection[Any], table: Table, column: str) -> sql.SQL:
    """El tipo de la columna que apunta, como se escribe en SQL: en el de la apuntada puede no caber algún valor.

    Sin su longitud: al convertir un valor a `varchar(5)`, se cortaría.
    """
    (kind,) = connection.execute(  # type: ignore[misc]
        "SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
        (sql.Identifier(table.schema, table.table).as_string(connection), column),
    ).fetchone()
    return sql.SQL(kind)
