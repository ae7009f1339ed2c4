"""Escribe en PostgreSQL: las filas válidas por COPY y las rechazadas con su motivo.

Entra una conexión con la transacción del archivo ya abierta; no la confirma ni la deshace
(eso es de `pipeline.py`). Primero se intenta lo rápido, COPY directo a la tabla dentro de un
SAVEPOINT; solo cuando una clave choca, las filas dudosas (`sieve.py`) van a una tabla temporal y se
mezclan con cuidado.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from psycopg import Connection, errors, sql

from etl.chunk import Chunk, Reject
from etl.load.encode import FORMAT, encode
from etl.load.ledger import Counts
from etl.schema import ForeignKey, Target

if TYPE_CHECKING:
    from extras.sieve.sieve import Sieve

STAGE = sql.Identifier("etl_stage")
REJECTS = sql.Identifier("etl", "rejects")


@dataclass(frozen=True)
class Prepared:
    """Un trozo ya validado: sus filas, las seguras en el formato de COPY, y sus rechazos.

    `doubtful`: las filas por las que hay que preguntar; sin él, todas se dan por seguras.
    """

    chunk: Chunk
    rows: pa.Table
    payload: list[bytes]
    rejects: list[Reject]
    doubtful: np.ndarray | None = None


def copy_rows(
    connection: Connection[Any], table: sql.Composable, names: list[str], payload: list[bytes]
) -> None:
    """Envía a `table` lo que devolvió `encode` para unas filas con las columnas `names`."""
    columns = sql.SQL(", ").join(map(sql.Identifier, [*names, "_load_id"]))
    statement = sql.SQL("COPY {} ({}) FROM STDIN ({})").format(table, columns, FORMAT)
    with connection.cursor().copy(statement) as copy:
        for piece in payload:
            copy.write(piece)


class TableWriter:
    """Carga los trozos de un archivo en su tabla y lleva la cuenta de cada fila."""

    def __init__(self, connection: Connection[Any], target: Target, load_id: int) -> None:
        self.connection = connection
        self.target = target
        self.load_id = load_id
        self.counts = Counts()
        self._sieve: Sieve | None = None

    def prepare(self, chunk: Chunk, rows: pa.Table, rejects: list[Reject]) -> Prepared:
        """Deja un trozo listo para `write`; se puede hacer en otro hilo, mientras se carga el anterior."""
        if self._sieve is None:
            return Prepared(chunk, rows, encode(rows, self.load_id), rejects)
        doubtful = self._sieve.doubtful(rows)
        safe = rows.filter(pa.array(~doubtful))
        return Prepared(chunk, rows, encode(safe, self.load_id), rejects, doubtful)

    def write(self, prepared: Prepared) -> None:
        """Carga un trozo; cada fila queda cargada, duplicada o rechazada."""
        rejects = list(prepared.rejects)
        if self._sieve or not self._copy_directly(prepared.rows.num_rows, prepared):
            rejects += self._sift(prepared)
        self.counts.rejected += len(rejects)
        self.counts.read += prepared.rows.num_rows + len(prepared.rejects)
        save_rejects(self.connection, self.load_id, rejects)

    def _sift(self, prepared: Prepared) -> list[Reject]:
        """Copia directamente las filas seguras y mezcla las dudosas; devuelve las huérfanas."""
        from extras.sieve.sieve import Sieve  # con pandas: solo lo paga un archivo con choques

        self._sieve = self._sieve or Sieve(self.connection, self.target, self.load_id)
        if prepared.doubtful is None:  # se preparó antes del primer choque
            prepared = self.prepare(prepared.chunk, prepared.rows, prepared.rejects)
        doubtful = prepared.doubtful
        assert doubtful is not None
        if not self._copy_directly(int((~doubtful).sum()), prepared):
            # Chocan con otra carga: el trozo entero es dudoso.
            doubtful = np.ones_like(doubtful)
        return self._merge(prepared.rows.filter(pa.array(doubtful)), prepared.chunk)

    def _copy_directly(self, count: int, prepared: Prepared) -> bool:
        """Manda a la tabla las `count` filas seguras; `False`, y como si nada, si alguna clave choca."""
        table = sql.Identifier(self.target.schema_name, self.target.table)
        try:
            with self.connection.transaction():
                copy_rows(self.connection, table, prepared.rows.column_names, prepared.payload)
        except (errors.UniqueViolation, errors.ForeignKeyViolation):
            return False
        self.counts.loaded += count
        return True

    def _merge(self, rows: pa.Table, chunk: Chunk) -> list[Reject]:
        """Mezcla unas filas con lo que ya hay; devuelve las huérfanas, que no se cargan."""
        if not rows.num_rows:
            return []
        table = sql.Identifier(self.target.schema_name, self.target.table)
        create = sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DROP")
        self.connection.execute(create.format(STAGE, table))
        self.connection.execute(sql.SQL("TRUNCATE {}").format(STAGE))
        copy_rows(self.connection, STAGE, rows.column_names, encode(rows, self.load_id))
        orphans = [reject for key in self.target.foreign_keys for reject in self._take_orphans(key, chunk)]
        row = self.connection.execute(merge_statement(self.target)).fetchone()
        loaded, updated = row or (0, 0)
        self.counts.loaded += loaded
        self.counts.updated += updated
        self.counts.duplicate += rows.num_rows - len(orphans) - loaded
        return orphans

    def _take_orphans(self, key: ForeignKey, chunk: Chunk) -> Iterator[Reject]:
        """Saca de la tabla temporal las filas cuyo `key.column` no existe en la tabla madre."""
        column = sql.Identifier(key.column)
        statement = sql.SQL(
            "DELETE FROM {stage} AS s WHERE s.{column} IS NOT NULL AND NOT EXISTS"
            " (SELECT FROM {parent} AS p WHERE p.{parent_column} = s.{column})"
            " RETURNING s._line, s.{column}::text"
        ).format(
            stage=STAGE,
            column=column,
            parent=sql.Identifier(key.parent_schema, key.parent_table),
            parent_column=sql.Identifier(key.parent_column),
        )
        lines = chunk.lines.to_numpy()
        for line, value in self.connection.execute(statement):
            yield orphan(chunk, int(np.searchsorted(lines, line)), key, value)


def orphan(chunk: Chunk, row: int, key: ForeignKey, value: str) -> Reject:
    """El rechazo de una fila cuyo `key.column` no existe en la tabla madre."""
    message = f"columna «{key.column}»: se leyó «{value}» y no existe en la tabla «{key.parent_table}»"
    return Reject(chunk.lines[row].as_py(), chunk.raw(row), key.column, value, "orphan", message)


def merge_statement(target: Target, stage: sql.Composable = STAGE) -> sql.Composed:
    """INSERT desde `stage`, la tabla temporal: dentro del archivo gana la primera fila de cada clave.

    Con otras cargas, según `on_repeat`: manda la más nueva, o la más vieja, y lo dice su `load_id`.
    Devuelve cuántas filas quedaron y cuántas de ellas sustituyen a otra (`xmax` no es cero en una
    fila actualizada).
    """
    key = sql.SQL(", ").join(map(sql.Identifier, target.key))
    names = [*target.rows.names, "_load_id", "_line"]
    updates = [
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name not in target.key
    ]
    older = sql.SQL("<" if target.on_repeat == "update" else ">")
    return sql.SQL(
        "WITH merged AS (INSERT INTO {table} AS t ({columns})"
        " SELECT DISTINCT ON ({key}) {columns} FROM {stage} ORDER BY {key}, _line"
        " ON CONFLICT ({key}) DO UPDATE SET {updates} WHERE t._load_id {older} excluded._load_id"
        " RETURNING (t.xmax <> 0) AS updated)"
        " SELECT count(*), count(*) FILTER (WHERE updated) FROM merged"
    ).format(
        table=sql.Identifier(target.schema_name, target.table),
        stage=stage,
        key=key,
        updates=sql.SQL(", ").join(updates),
        older=older,
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
    )


def save_rejects(
    connection: Connection[Any], load_id: int, rejects: list[Reject], table: sql.Composable = REJECTS
) -> None:
    """Guarda los rechazos, por omisión en `etl.rejects`, en la misma transacción que las filas."""
    if not rejects:
        return
    statement = sql.SQL("COPY {} (load_id, line, raw, column_name, value, code, message) FROM STDIN").format(
        table
    )
    with connection.cursor().copy(statement) as copy:
        for reject in rejects:
            copy.write_row(
                (load_id, reject.line, reject.raw, reject.column, reject.value, reject.code, reject.message)
            )
