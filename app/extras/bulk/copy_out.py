"""Saca de PostgreSQL lo que devuelve una consulta, con COPY y por trozos: la memoria no crece con ella.

Entra una consulta con los tipos de Arrow de sus columnas; salen tablas de Arrow. Es lo contrario de
`encode`, en `load/table.py`.
"""

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from psycopg import Connection, sql
from pyarrow import csv

# Un trozo: bastante para que Arrow rinda y poco para que la memoria no se note.
FETCH = 1 << 20


def copy_out(connection: Connection[Any], query: sql.Composable, schema: pa.Schema) -> Iterator[pa.Table]:
    """Las filas de la consulta, en su orden y por trozos, con las columnas de `schema`."""
    names = csv.ReadOptions(column_names=schema.names)
    quoting = csv.ParseOptions(newlines_in_values=True)
    types = csv.ConvertOptions(
        column_types=schema,
        # COPY escribe un nulo como nada, y un texto vacío como "".
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
        true_values=["t"],
        false_values=["f"],
    )
    for block in _blocks(connection, query):
        yield csv.read_csv(io.BytesIO(block), names, quoting, types)


def _blocks(connection: Connection[Any], query: sql.Composable) -> Iterator[bytes]:
    block = bytearray()
    with connection.cursor().copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)) as copy:
        for row in copy:
            block += row
            if len(block) > FETCH:
                yield bytes(block)
                block.clear()
    if block:
        yield bytes(block)
