"""El motor de un proceso, con dos hilos y menos trabajo del servidor que el del núcleo (`local.py`, `load/table.py`).

El resultado es igual. Mientras se carga un trozo, el otro hilo lee y valida el siguiente. En una tabla vacía, la clave se
construye al final, de una vez. En una con filas, desde que una clave choca, las que seguro que no chocan se copian
directamente y solo se mezclan las demás. Las referencias se comprueban en cada COPY, y no fila a fila.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from etl.chunk import Chunk, Reject, from_numpy
from etl.database.connection import Connection
from etl.extract.read import Text
from etl.extract.source import Opened
from etl.load.ledger import Counts, Load, rows_of
from etl.load.orphans import without_orphans
from etl.load.table import Prepared, TableWriter
from etl.local import Advance, LoadRows
from etl.run import Session
from etl.schema import Declared
from etl.transform.validate import transform
from extras.bulk.binary import BinaryWriter
from extras.bulk.borrow import Borrowed
from extras.bulk.sieve import Sieve
from extras.bulk.stream import StreamingWriter

# Por un archivo con menos bytes, pedir prestado cuesta lo que se ahorra.
SMALL = 64 << 10


@contextmanager
def open_local(_session: Session, _files: object) -> Iterator[LoadRows]:
    """Este proceso."""
    yield load_rows


def load_rows(
    connection: Connection, load: Load, declared: Declared, text: Text, advance: Advance
) -> tuple[Counts, None]:
    """Carga las filas de un archivo en su tabla."""
    with open_writer(connection, load) as writer:
        ready = (writer.prepare(chunk, *transform(chunk, declared)) for chunk in text.chunks)
        return write_all(writer, ready, text.file, advance), None


def write_all(writer: TableWriter, chunks: Iterable[Prepared], file: Opened, advance: Advance) -> Counts:
    """Carga los trozos.

    Arrow, SHA-256 y psycopg sueltan el GIL: leer y validar coinciden de verdad con la carga. En memoria hay dos
    trozos; otro más no acelera nada.
    """
    following = iter(chunks)
    with ThreadPoolExecutor(1, "etl-prepare") as thread:
        coming = thread.submit(next, following, None)
        while (prepared := coming.result()) is not None:
            coming = thread.submit(next, following, None)
            writer.write(prepared)
            advance(max(file.bytes_read, file.beside), writer.counts)
    return writer.counts


@contextmanager
def open_writer(connection: Connection, load: Load) -> Iterator[TableWriter]:
    """El que convenga al archivo y a la tabla."""
    if load.bytes < SMALL:
        yield BinaryWriter(connection, load.table, load.load_id)
        return
    borrowed = Borrowed(connection, load.table)
    with (EmptyTableWriter if borrowed.key else SiftingWriter)(connection, load.table, load.load_id) as writer:
        writer.borrowed = borrowed
        yield writer
        writer.finish()


@dataclass(frozen=True)
class Sifted(Prepared):
    """Un trozo repartido: las filas seguras, que son las de `payload`, y las dudosas."""

    safe: pa.Table = None
    doubtful: pa.Table = None


class BulkWriter(StreamingWriter):
    """Lo que es de los dos: apartar las huérfanas por trozos y devolver lo prestado."""

    borrowed: Borrowed
    # Desde la primera huérfana se pregunta por las madres antes de copiar.
    _orphaned = False

    def copy(self, rows: pa.Table, payload: list[bytes], chunk: Chunk) -> list[Reject] | None:
        """Copia las filas que tienen madre y devuelve las huérfanas; `None`, y como si nada, si choca una clave."""
        self.end_stream()
        if not self._orphaned and self.copied(rows, payload):
            return []
        rows, orphans = without_orphans(self.connection, self.table, rows, chunk)
        if orphans:
            payload = self.encode(rows)
        elif not self._orphaned:  # ya se intentó
            return None
        self._orphaned = True
        return orphans if self.copied(rows, payload) else None

    def finish(self) -> None:
        """Devuelve lo prestado."""
        self.end_stream()
        self.borrowed.give_back(self.counts)


class EmptyTableWriter(BulkWriter):
    """Llena una tabla vacía y sin su clave: las repetidas se encuentran todas a la vez, al construirla."""

    def add(self, prepared: Prepared) -> list[Reject]:
        """Pone las filas en la tabla; devuelve las huérfanas, que no se cargan."""
        rows, payload, chunk = prepared.rows, prepared.payload, prepared.chunk
        self.borrowed.note(rows)
        assert chunk is not None
        orphans = self.copy(rows, payload, chunk) if self.table.foreign_keys else None
        if orphans is None:  # nada choca; lo que apunte a una tabla que no se declaró, que lo diga PostgreSQL
            self.stream(rows, payload)
        return orphans or []


class SiftingWriter(BulkWriter):
    """Llena una tabla con filas: mientras nada choca, las copia. Desde el primer choque solo mezcla las dudosas."""

    _sieve: Sieve | None = None

    def prepare(self, chunk: Chunk, rows: pa.Table, rejects: list[Reject]) -> Prepared:
        """Deja un trozo listo; si ya se sabe separarlas, solo escribe las filas seguras."""
        if self._sieve is None:
            return super().prepare(chunk, rows, rejects)
        doubtful = self._sieve(rows)
        safe = rows.filter(from_numpy(~doubtful))
        return Sifted(rows, self.encode(safe), rejects, chunk, chunk.blank, safe, rows.filter(from_numpy(doubtful)))

    def add(self, prepared: Prepared) -> list[Reject]:
        """Copia las filas que pueda de un trozo y mezcla las demás; devuelve las huérfanas."""
        chunk = prepared.chunk
        assert chunk is not None
        if self._sieve is None:
            orphans = self.copy(prepared.rows, prepared.payload, chunk)
            if orphans is not None:
                return orphans
            sieve = Sieve(self.table)
            if self.counts.loaded:
                own = rows_of(self.table, self.load_id, self.counts.limits)
                sieve.learn(self.connection, own, prepared.rows.schema)
            self._sieve = sieve
        if not isinstance(prepared, Sifted):  # se preparó antes de abrirlo
            prepared = self.prepare(chunk, prepared.rows, prepared.rejects)
        assert isinstance(prepared, Sifted)
        orphans = self.copy(prepared.safe, prepared.payload, chunk)
        if orphans is None:  # chocan con otra carga: el trozo entero es dudoso
            return self.merge(prepared.rows, chunk)
        return orphans + self.merge(prepared.doubtful, chunk)
