"""Escribe en PostgreSQL: las filas válidas por COPY y las rechazadas con su motivo.

Entra una conexión con la transacción del archivo ya abierta; no la confirma ni la deshace
(eso es de `pipeline.py`). Primero se intenta lo rápido, COPY directo a la tabla dentro de un
SAVEPOINT; solo si una clave choca, ese trozo va a una tabla temporal y se mezcla con cuidado.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from psycopg import Connection, errors, sql

from etl.chunk import Chunk, Reject
from etl.encode import FORMAT
from etl.ledger import Counts
from etl.schema import ForeignKey, Target

STAGE = sql.Identifier("etl_stage")


@dataclass(frozen=True)
class Prepared:
    """Un trozo ya validado: sus filas, las mismas en el formato de COPY, y sus rechazos."""

    chunk: Chunk
    rows: pa.Table
    payload: list[bytes]
    rejects: list[Reject]


class TableWriter:
    """Carga los trozos de un archivo en su tabla y lleva la cuenta de cada fila."""

    def __init__(self, connection: Connection[Any], target: Target, load_id: int) -> None:
        self.connection = connection
        self.target = target
        self.load_id = load_id
        self.counts = Counts()
        self._collided = False

    def write(self, prepared: Prepared) -> None:
        """Carga un trozo; cada fila queda cargada, duplicada o rechazada."""
        rejects = list(prepared.rejects)
        if self._collided or not self._copy_directly(prepared):
            rejects += self._merge(prepared)
        self.counts.rejected += len(rejects)
        self.counts.read += prepared.rows.num_rows + len(prepared.rejects)
        save_rejects(self.connection, self.load_id, rejects)

    def _copy_directly(self, prepared: Prepared) -> bool:
        try:
            with self.connection.transaction():
                self._copy(sql.Identifier(self.target.schema_name, self.target.table), prepared)
        except (errors.UniqueViolation, errors.ForeignKeyViolation):
            self._collided = True
            return False
        self.counts.loaded += prepared.rows.num_rows
        return True

    def _copy(self, table: sql.Composable, prepared: Prepared) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, [*prepared.rows.column_names, "_load_id"]))
        statement = sql.SQL("COPY {} ({}) FROM STDIN ({})").format(table, columns, FORMAT)
        with self.connection.cursor().copy(statement) as copy:
            for piece in prepared.payload:
                copy.write(piece)

    def _merge(self, prepared: Prepared) -> list[Reject]:
        """Mezcla un trozo con lo que ya hay; devuelve los huérfanos, que no se cargan."""
        self.connection.execute(
            sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DROP").format(
                STAGE, sql.Identifier(self.target.schema_name, self.target.table)
            )
        )
        self.connection.execute(sql.SQL("TRUNCATE {}").format(STAGE))
        self._copy(STAGE, prepared)
        orphans = [reject for key in self.target.foreign_keys for reject in self._take_orphans(key, prepared)]
        row = self.connection.execute(merge_statement(self.target)).fetchone()
        assert row is not None
        loaded, updated = row
        self.counts.loaded += loaded
        self.counts.updated += updated
        duplicates = prepared.rows.num_rows - len(orphans) - loaded
        self.counts.duplicate += duplicates
        # Un trozo sin choques devuelve el camino rápido al siguiente.
        self._collided = bool(duplicates or orphans or updated)
        return orphans

    def _take_orphans(self, key: ForeignKey, prepared: Prepared) -> Iterable[Reject]:
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
        lines = prepared.chunk.lines.to_numpy()
        for line, value in self.connection.execute(statement):
            message = (
                f"columna «{key.column}»: se leyó «{value}» y no existe en la tabla «{key.parent_table}»"
            )
            raw = prepared.chunk.raw(int(np.searchsorted(lines, line)))
            yield Reject(line, raw, key.column, value, "orphan", message)


def merge_statement(target: Target) -> sql.Composed:
    """INSERT desde la tabla temporal: dentro del archivo gana la primera fila de cada clave.

    Con otras cargas, según `on_repeat`. Devuelve cuántas filas quedaron y cuántas de ellas
    sustituyen a otra (`xmax` no es cero en una fila actualizada).
    """
    key = sql.SQL(", ").join(map(sql.Identifier, target.key))
    names = [*target.rows.names, "_load_id", "_line"]
    updates = [
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name not in target.key
    ]
    action: sql.Composable = sql.SQL("NOTHING")
    if target.on_repeat == "update":
        action = sql.SQL("UPDATE SET {} WHERE t._load_id <> excluded._load_id").format(
            sql.SQL(", ").join(updates)
        )
    return sql.SQL(
        "WITH merged AS (INSERT INTO {table} AS t ({columns})"
        " SELECT DISTINCT ON ({key}) {columns} FROM {stage} ORDER BY {key}, _line"
        " ON CONFLICT ({key}) DO {action} RETURNING (t.xmax <> 0) AS updated)"
        " SELECT count(*), count(*) FILTER (WHERE updated) FROM merged"
    ).format(
        table=sql.Identifier(target.schema_name, target.table),
        stage=STAGE,
        key=key,
        action=action,
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
    )


def save_rejects(connection: Connection[Any], load_id: int, rejects: list[Reject]) -> None:
    """Guarda los rechazos en `etl.rejects`, en la misma transacción que las filas."""
    if not rejects:
        return
    statement = "COPY etl.rejects (load_id, line, raw, column_name, value, code, message) FROM STDIN"
    with connection.cursor().copy(statement) as copy:
        for reject in rejects:
            copy.write_row(
                (load_id, reject.line, reject.raw, reject.column, reject.value, reject.code, reject.message)
            )
