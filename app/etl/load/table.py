"""Escribe en PostgreSQL: las filas válidas por COPY y las rechazadas con su motivo.

Entra una conexión con la transacción del archivo ya abierta; no la confirma ni la deshace
(eso es de `one_file.py`). Primero se intenta lo rápido, COPY directo a la tabla dentro de un
SAVEPOINT; solo cuando una clave choca, las filas van a una tabla temporal y se mezclan con cuidado.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files  # en un ejecutor de Spark, el código está en un .zip
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Copy, errors, sql
from pyarrow import csv

from etl.chunk import FILTERED, Chunk, Reject, from_numpy
from etl.database.connection import Connection
from etl.load.ledger import Counts
from etl.load.orphans import without_orphans
from etl.schema import Table

STAGE = sql.Identifier("etl_stage")
MERGE = sql.SQL(files("etl.load").joinpath("merge.sql").read_text("utf-8"))
REJECTS = sql.Identifier("etl", "rejects")
# Las clases de valores que Arrow y PostgreSQL ordenan igual; un texto depende de la intercalación.
ORDERED = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_date, pa.types.is_timestamp)


@dataclass(frozen=True)
class Prepared:
    """Un trozo ya validado: sus filas, en el formato de COPY, y sus rechazos.

    `chunk`: de dónde salieron; solo hace falta si la tabla tiene clave o referencias.
    """

    rows: pa.Table
    payload: list[bytes]
    rejects: list[Reject]
    chunk: Chunk | None = None
    blank: int = 0


class TableWriter:
    """Carga los trozos de un archivo en su tabla y lleva la cuenta de cada fila."""

    FORMAT = sql.SQL("FORMAT csv")
    # Las columnas que `encode` añade a las filas.
    ADDED: tuple[str, ...] = ("_load_id",)

    def __init__(self, connection: Connection, table: Table, load_id: int) -> None:
        self.connection = connection
        self.table = table
        self.load_id = load_id
        self.counts = Counts()
        self.target = sql.Identifier(table.schema, table.table)

    def encode(self, rows: pa.Table) -> list[bytes]:
        """Las filas y su `_load_id`, listas para COPY, por trozos: unirlos sería copiarlo todo otra vez."""
        own = from_numpy(np.full(rows.num_rows, self.load_id, np.int32))
        return self.formatted(rows.append_column("_load_id", own))

    def formatted(self, rows: pa.Table) -> list[bytes]:
        """En CSV, con todos los textos entre comillas: así uno vacío no se confunde con un nulo."""
        output = io.BytesIO()
        csv.write_csv(rows, output, csv.WriteOptions(include_header=False, quoting_style="needed"))
        return [output.getvalue()]

    @contextmanager
    def copying(self, table: sql.Composable, names: list[str]) -> Iterator[Copy]:
        """COPY a `table`, abierto para lo que devuelva `encode` de filas con las columnas `names`."""
        columns = sql.SQL(", ").join(map(sql.Identifier, [*names, *self.ADDED]))
        statement = sql.SQL("COPY {} ({}) FROM STDIN ({})").format(table, columns, self.FORMAT)
        with self.connection.cursor().copy(statement) as copy:
            yield copy

    def send(self, table: sql.Composable, names: list[str], payload: list[bytes]) -> None:
        """Envía a `table` lo que devolvió `encode` de unas filas con las columnas `names`."""
        with self.copying(table, names) as copy:
            for piece in payload:
                copy.write(piece)

    def prepare(self, chunk: Chunk, rows: pa.Table, rejects: list[Reject]) -> Prepared:
        """Deja un trozo listo para `write`; se puede hacer en otro hilo, mientras se carga el anterior."""
        return Prepared(rows, self.encode(rows), rejects, chunk, chunk.blank)

    def write(self, prepared: Prepared) -> None:
        """Carga un trozo; cada fila queda cargada, duplicada o rechazada."""
        self.counts.blank += prepared.blank
        self.counts.read += prepared.rows.num_rows + len(prepared.rejects)
        if rejects := prepared.rejects + self.add(prepared):
            self.counts.header_again = self.counts.header_again or header_again(prepared.rejects)
            self.counts.rejected += len(rejects)
            self.counts.filtered += sum(reject.code == FILTERED for reject in rejects)
            self.set_aside(rejects)
        if self.table.key:
            widen(self.counts.limits, prepared.rows, self.table.key)

    def add(self, prepared: Prepared) -> list[Reject]:
        """Pone las filas en la tabla; devuelve las huérfanas, que no se cargan."""
        if self.copied(prepared.rows, prepared.payload):
            return []
        assert prepared.chunk is not None
        return self.merge(prepared.rows, prepared.chunk)

    def set_aside(self, rejects: list[Reject]) -> None:
        """Guarda los rechazos de un trozo."""
        save_rejects(self.connection, self.load_id, rejects)

    def copied(self, rows: pa.Table, payload: list[bytes]) -> bool:
        """Manda las filas a la tabla, ya escritas; `False`, y como si nada, si alguna clave choca."""
        try:
            with self.connection.transaction():
                self.send(self.target, rows.column_names, payload)
        except (errors.UniqueViolation, errors.ForeignKeyViolation):
            return False
        self.counts.loaded += rows.num_rows
        return True

    def merge(self, rows: pa.Table, chunk: Chunk) -> list[Reject]:
        """Mezcla unas filas con lo que ya hay; devuelve las huérfanas, que no se cargan."""
        rows, orphans = without_orphans(self.connection, self.table, rows, chunk)
        if staged := self.stage(rows):
            self.merge_staged(staged, rows.column_names)
        return orphans

    def stage(self, rows: pa.Table) -> int:
        """Deja unas filas en la tabla temporal, y dice cuántas."""
        if rows.num_rows:
            create = sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DROP")
            self.connection.execute(create.format(STAGE, self.target))
            self.send(STAGE, rows.column_names, self.encode(rows))
        return int(rows.num_rows)

    def merge_staged(self, rows: int, columns: list[str]) -> None:
        """Mezcla las `rows` filas de la tabla temporal, que queda vacía."""
        self.counts.merged(rows, self.connection.execute(merge_statement(self.table, columns, self.load_id)))
        self.connection.execute(sql.SQL("TRUNCATE {}").format(STAGE))


def header_again(rejects: list[Reject]) -> int:
    """La primera línea que repite la cabecera; 0, si ninguna."""
    return next((reject.line for reject in rejects if reject.code == "repeated_header"), 0)


def widen(limits: dict[str, tuple[Any, Any]], rows: pa.Table, key: tuple[str, ...]) -> None:
    """Incluye en `limits` las claves de un trozo; el número de la carga, que puede ser parte de una, no va en él."""
    for name in key if rows.num_rows else ():
        if name in rows.column_names and any(is_kind(rows[name].type) for is_kind in ORDERED):
            ends = pc.min_max(rows[name]).as_py()
            least, most = limits.get(name, (ends["min"], ends["max"]))
            limits[name] = min(least, ends["min"]), max(most, ends["max"])


def merge_statement(table: Table, columns: list[str], load_id: int, stage: sql.Composable = STAGE) -> sql.Composed:
    """INSERT de las filas de `stage`, la tabla temporal: dentro del archivo gana la primera fila de cada clave.

    Son de la carga `load_id`. Con otras manda la más nueva, y lo dice ese número; en el libro queda que la otra cedió
    filas. Devuelve cuántas filas quedaron, cuántas de ellas sustituyen a otra (`xmax` no es cero en una fila
    actualizada) y cuántas de cada archivo se sustituyen.
    """
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    names = [*columns, "_load_id"]
    updates = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name not in table.key]
    return MERGE.format(
        table=sql.Identifier(table.schema, table.table),
        stage=stage,
        key=key,
        updates=sql.SQL(", ").join(updates),
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        staged=sql.SQL(", ").join(map(sql.Identifier, columns)),
        load_id=sql.Literal(load_id),
    )


def save_rejects(connection: Connection, load_id: int, rejects: list[Reject], table: sql.Composable = REJECTS) -> None:
    """Guarda los rechazos, por omisión en `etl.rejects`, en la misma transacción que las filas."""
    statement = sql.SQL("COPY {} (load_id, line, raw, column_name, value, code, message) FROM STDIN").format(table)
    with connection.cursor().copy(statement) as copy:
        for reject in rejects:
            copy.write_row((load_id, reject.line, reject.raw, reject.column, reject.value, reject.code, reject.message))
