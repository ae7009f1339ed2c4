"""Escribe las filas de un archivo en su tabla con menos trabajo del servidor que `load/table.py`; el resultado es igual.

En una tabla vacía, la clave se construye al final, de una vez. En una con filas, las que seguro que no chocan se copian
directamente y solo se mezclan las demás. En las dos, las referencias se comprueban trozo a trozo.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from psycopg import sql

from etl.chunk import Chunk, Reject
from etl.database.connection import Connection
from etl.load.encode import encode
from etl.load.ledger import Load, rows_of
from etl.load.orphans import without_orphans
from etl.load.table import Prepared, TableWriter, copy_rows
from extras.bulk.borrow import give_key_back, pause_references, resume_references, take_key

if TYPE_CHECKING:
    from extras.bulk.sieve import Sieve

# Por un archivo con menos bytes, pedir prestado cuesta lo que se ahorra.
SMALL = 64 << 10


def open_writer(connection: Connection, load: Load) -> TableWriter:
    """El que convenga al archivo y a la tabla."""
    table = load.table
    if load.bytes < SMALL:
        return TableWriter(connection, table, load.load_id)
    writer = (EmptyTableWriter if take_key(connection, table) else SiftingWriter)(connection, table, load.load_id)
    # A las tablas a las que apuntan otras, `versions.py` les deja comprobaciones pendientes.
    if table.foreign_keys and not table.referenced_by:
        writer.paused = pause_references(connection, table)
    return writer


class BulkWriter(TableWriter):
    """Lo que es de los dos: las huérfanas se apartan por trozos, y las referencias se comprueban por trozos."""

    paused = False
    # Desde la primera huérfana se pregunta por las madres antes de copiar.
    _orphaned = False

    def copy(self, rows: pa.Table, payload: list[bytes], chunk: Chunk) -> list[Reject] | None:
        """Copia las filas que tienen madre y devuelve las huérfanas; `None`, y como si nada, si choca una clave."""
        if not self._orphaned and self.copied(rows, payload):
            return []
        rows, orphans = without_orphans(self.connection, self.table, rows, chunk)
        if orphans:
            payload = encode(rows, self.load_id)
        elif not self._orphaned:  # ya se intentó
            return None
        self._orphaned = True
        return orphans if self.copied(rows, payload) else None

    def finish(self) -> None:
        """Devuelve lo prestado."""
        if self.paused:
            resume_references(self.connection, self.table)


class EmptyTableWriter(BulkWriter):
    """Llena una tabla vacía y sin su clave: las repetidas se encuentran todas a la vez, al construirla."""

    def add(self, prepared: Prepared) -> list[Reject]:
        """Pone las filas en la tabla; devuelve las huérfanas, que no se cargan."""
        assert prepared.chunk is not None
        orphans = self.copy(prepared.rows, prepared.payload, prepared.chunk)
        if orphans is None:  # apunta a una tabla que no se declaró: que lo diga PostgreSQL
            copy_rows(self.connection, self.target, prepared.rows.column_names, prepared.payload)
        return orphans or []

    def finish(self) -> None:
        """Construye la clave; de las filas que la repiten se queda la primera."""
        super().finish()
        repeated = give_key_back(self.connection, self.table)
        self.counts.loaded -= repeated
        self.counts.duplicate += repeated


@dataclass(frozen=True)
class Sifted(Prepared):
    """Un trozo repartido: las filas seguras, que son las de `payload`, y las dudosas."""

    safe: pa.Table = None
    doubtful: pa.Table = None


class SiftingWriter(BulkWriter):
    """Llena una tabla con filas: desde el primer choque, de cada trozo solo mezcla las filas dudosas."""

    _sieve: "Sieve | None" = None

    def prepare(self, chunk: Chunk, rows: pa.Table, rejects: list[Reject]) -> Prepared:
        """Deja un trozo listo; si ya se sabe separarlas, solo escribe las filas seguras."""
        if self._sieve is None:
            return super().prepare(chunk, rows, rejects)
        doubtful = self._sieve(rows)
        safe = rows.filter(pa.array(~doubtful))
        payload = encode(safe, self.load_id)
        return Sifted(rows, payload, rejects, chunk, chunk.blank, safe, rows.filter(pa.array(doubtful)))

    def add(self, prepared: Prepared) -> list[Reject]:
        """Copia las filas que pueda y mezcla las demás; devuelve las huérfanas, que no se cargan."""
        chunk = prepared.chunk
        assert chunk is not None
        if self._sieve is None:
            orphans = self.copy(prepared.rows, prepared.payload, chunk)
            if orphans is not None:
                return orphans
            self._sieve = self._open_sieve(prepared.rows.schema)
        if not isinstance(prepared, Sifted):  # se preparó antes de abrirlo
            prepared = self.prepare(chunk, prepared.rows, prepared.rejects)
        assert isinstance(prepared, Sifted)
        orphans = self.copy(prepared.safe, prepared.payload, chunk)
        if orphans is None:  # chocan con otra carga: el trozo entero es dudoso
            return self.merge(prepared.rows, chunk)
        return orphans + self.merge(prepared.doubtful, chunk)

    def _open_sieve(self, types: pa.Schema) -> "Sieve":
        from extras.bulk.sieve import Sieve  # con pandas

        own = rows_of(self.table, self.load_id, self.counts.limits) if self.counts.loaded else sql.SQL("false")
        return Sieve(self.connection, self.table, own, types)
