"""El motor de un proceso: valida los trozos de un archivo uno tras otro, por delante de la carga.

Entra un archivo ya abierto (`Text`) con su transacción abierta; quedan las filas en la tabla. Sale la cuenta.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from etl.database.connection import Connection
from etl.extract.read import Text
from etl.load.ledger import Counts, Load
from etl.load.table import Advance, TableWriter, write_all
from etl.run import Session
from etl.schema import Declared
from etl.transform.validate import transform

# Un motor: valida y carga las filas de un archivo. Devuelve las cuentas y, si lo leyó entero por su lado, la huella.
LoadRows = Callable[[Connection, Load, Declared, Text, Advance], tuple[Counts, str | None]]
# Quien escribe las filas de una carga en su tabla; al salir bien, ya están todas.
OpenWriter = Callable[[Connection, Load], AbstractContextManager[TableWriter]]


def table_writer(connection: Connection, load: Load) -> AbstractContextManager[TableWriter]:
    return nullcontext(TableWriter(connection, load.table, load.load_id))


@contextmanager
def open_local(_session: Session, _files: object, open_writer: OpenWriter = table_writer) -> Iterator[LoadRows]:
    """Este proceso."""
    yield partial(load_rows, open_writer=open_writer)


def load_rows(
    connection: Connection, load: Load, declared: Declared, text: Text, advance: Advance, open_writer: OpenWriter
) -> tuple[Counts, None]:
    """Carga las filas de un archivo en su tabla."""
    with open_writer(connection, load) as writer:
        ready = (writer.prepare(chunk, *transform(chunk, declared)) for chunk in text.chunks)
        return write_all(writer, ready, text.file, advance), None
