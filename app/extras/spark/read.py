"""Lee una tabla de PostgreSQL entre todos los ejecutores, en una sola foto.

Entra una tabla declarada; sale un DataFrame. Cada tarea abre su conexión y saca con COPY un tramo de
la clave. Spark sabe hacer algo parecido con JDBC (`spark.read.jdbc` con `partitionColumn`), pero
pide un controlador de Java y cada tarea vería la tabla en un momento distinto: si entre dos tareas
entra un archivo, se leería a medias. Aquí todas miran la foto que enseña el conductor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg import Connection, sql

from etl.database.connection import LOADER, connect
from etl.schema import Declared
from etl.settings import Settings
from extras.bulk.copy_out import copy_out

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Tramos por núcleo: unos tienen más filas que otros, y así nadie acaba mucho antes.
RANGES_PER_CORE = 4


@dataclass(frozen=True)
class Snapshot:
    """Lo que comparten las tareas; viaja a los ejecutores.

    `snapshot` es la foto que todas miran. El tramo número n de la clave empieza en `first + n * step`.
    """

    settings: Settings
    declared: Declared
    snapshot: str
    first: int
    step: int

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, column.type) for column in self.declared.rows.columns])


@contextmanager
def open_table(spark: "SparkSession", settings: Settings, declared: Declared) -> Iterator["DataFrame"]:
    """La tabla, una fila por fila, mientras dure el bloque: fuera de él, la foto ya no existe.

    La primera columna de su clave debe ser un entero: por ella se reparte. Spark no lee nada hasta
    que se le pide un resultado, y lo vuelve a leer en cada uno salvo que se guarde (`cache`).
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    count = spark.sparkContext.defaultParallelism * RANGES_PER_CORE
    with connect(settings, role=LOADER) as connection, connection.transaction():
        # Mientras el clúster trabaja esta transacción espera, y eso no es un abandono.
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        reading = _plan(connection, settings, declared, count)
        # Un número por tarea; cada una lo cambia por las filas de su tramo.
        numbers = spark.range(0, count, 1, count)
        yield numbers.mapInArrow(partial(_read, reading), from_arrow_schema(reading.schema))


def _plan(connection: Connection[Any], settings: Settings, declared: Declared, count: int) -> Snapshot:
    """Exporta la foto de esta transacción y corta la clave en `count` tramos iguales."""
    table = declared.table
    key, name = sql.Identifier(table.key[0]), sql.Identifier(table.schema, table.table)
    snapshot, first, last = connection.execute(  # type: ignore[misc]
        sql.SQL("SELECT pg_export_snapshot(), coalesce(min({0}), 1), coalesce(max({0}), 0) FROM {1}").format(key, name)
    ).fetchone()
    return Snapshot(settings, declared, snapshot, first, (last - first) // count + 1)


def _read(reading: Snapshot, numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """La tarea de Spark: los tramos que le tocan, por trozos."""
    for number in (value for batch in numbers for value in batch.column(0).to_pylist()):
        with connect(reading.settings, role=LOADER) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(reading.snapshot)))
            for table in copy_out(connection, _select(reading, number), reading.schema):
                yield from table.to_batches()


def _select(reading: Snapshot, number: int) -> sql.Composed:
    first, table = reading.first + number * reading.step, reading.declared.table
    return sql.SQL("SELECT {columns} FROM {table} WHERE {key} BETWEEN {first} AND {last}").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, reading.declared.rows.names)),
        table=sql.Identifier(table.schema, table.table),
        key=sql.Identifier(table.key[0]),
        first=sql.Literal(first),
        last=sql.Literal(first + reading.step - 1),
    )
