"""Escribe las filas de un archivo en su tabla con menos trabajo del servidor que `load/table.py`; el resultado es igual.

En una tabla vacía, la clave y las referencias se comprueban al final, de una vez. En una con filas, las que seguro que
no chocan se copian directamente y solo se mezclan las demás.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from psycopg import sql

from etl.chunk import Chunk, Reject
from etl.database.connection import Connection
from etl.load.encode import encode
from etl.load.keys import rows_of
from etl.load.orphans import without_orphans
from etl.load.table import Prepared, TableWriter, copy_rows
from etl.schema import Table
from extras.bulk.key import give_key_back, pause_references, take_key

if TYPE_CHECKING:
    from extras.bulk.sieve import Sieve


def open_writer(connection: Connection, table: Table, load_id: int) -> TableWriter:
    """El que convenga a la tabla."""
    writer = EmptyTableWriter if take_key(connection, table) else SiftingWriter
    return writer(connection, table, load_id)


class EmptyTableWriter(TableWriter):
    """Llena una tabla vacía y sin su clave: las repetidas se encuentran todas a la vez, al construirla."""

    def __init__(self, connection: Connection, table: Table, load_id: int) -> None:
        super().__init__(connection, table, load_id)
        # Si hay que preguntar por las madres de cada trozo: nadie lo hace por nosotros, o ya salió una huérfana.
        self._ask = pause_references(connection, table)

    def add(self, prepared: Prepared) -> list[Reject]:
        """Copia las filas; devuelve las huérfanas, que no se cargan."""
        if not self._ask and self.copied(prepared.rows, prepared.payload):
            return []
        self._ask = True
        assert prepared.chunk is not None
        rows, orphans = without_orphans(self.connection, self.table, prepared.rows, prepared.chunk)
        payload = encode(rows, self.load_id) if orphans else prepared.payload
        copy_rows(self.connection, self.target, rows.column_names, payload)
        self.counts.loaded += rows.num_rows
        return orphans

    def finish(self) -> None:
        """Vuelve todo a su sitio; de las filas que repiten una clave se queda la primera."""
        repeated = give_key_back(self.connection, self.table)
        self.counts.loaded -= repeated
        self.counts.duplicate += repeated


@dataclass(frozen=True)
class Sifted(Prepared):
    """Un trozo repartido: las filas seguras, que son las de `payload`, y las dudosas."""

    safe: pa.Table = None
    doubtful: pa.Table = None


class SiftingWriter(TableWriter):
    """Llena una tabla con filas: si chocan dos trozos, de los siguientes solo mezcla las filas dudosas."""

    def __init__(self, connection: Connection, table: Table, load_id: int) -> None:
        super().__init__(connection, table, load_id)
        self._sieve: Sieve | None = None
        self._collided = False
        # Cuántos trozos traían huérfanas: por uno solo no se leen todas las claves de las tablas madre.
        self._orphaned = 0

    def prepare(self, chunk: Chunk, rows: pa.Table, rejects: list[Reject]) -> Prepared:
        """Deja un trozo listo; si ya se sabe separarlas, solo escribe las filas seguras."""
        if self._sieve is None:
            return super().prepare(chunk, rows, rejects)
        doubtful = self._sieve(rows)
        safe = rows.filter(pa.array(~doubtful))
        payload = encode(safe, self.load_id)
        return Sifted(rows, payload, rejects, chunk, chunk.blank, safe, rows.filter(pa.array(doubtful)))

    def add(self, prepared: Prepared) -> list[Reject]:
        """Copia las filas que pueda y mezcla las demás; devuelve las huérfanas."""
        if self._sieve is None and self.copied(prepared.rows, prepared.payload):
            return []
        assert prepared.chunk is not None
        rows = self._copy_safe(prepared, prepared.chunk) if self._collided else prepared.rows
        self._collided = True
        orphans = self.merge(rows, prepared.chunk)
        self._orphaned += bool(orphans)
        return orphans

    def _copy_safe(self, prepared: Prepared, chunk: Chunk) -> pa.Table:
        """Copia las filas seguras de un trozo; devuelve las dudosas, o todas si alguna choca con otra carga."""
        sieve = self._sieve = self._sieve or self._open_sieve(prepared.rows.schema)
        if self._orphaned > 1:
            sieve.read_parents()
        if not isinstance(prepared, Sifted):  # se preparó antes de abrirlo
            prepared = self.prepare(chunk, prepared.rows, prepared.rejects)
        assert isinstance(prepared, Sifted)
        return prepared.doubtful if self.copied(prepared.safe, prepared.payload) else prepared.rows

    def _open_sieve(self, types: pa.Schema) -> "Sieve":
        from extras.bulk.sieve import Sieve  # con pandas

        own = rows_of(self.table, self.load_id, self.counts.limits) if self.counts.loaded else sql.SQL("false")
        return Sieve(self.connection, self.table, own, types)
