"""El motor de un proceso, con dos hilos: mientras se carga un trozo, el otro lee y valida el siguiente."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from etl.database.connection import Connection
from etl.extract.read import Text
from etl.extract.source import Opened
from etl.load.ledger import Counts, Load
from etl.load.table import Prepared, TableWriter
from etl.local import Advance, LoadRows
from etl.run import Session
from etl.schema import Declared
from etl.transform.validate import transform
from extras.bulk.writer import open_writer


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
