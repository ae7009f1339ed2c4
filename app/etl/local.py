"""El motor de un proceso: lee, valida y carga los trozos de un archivo, uno tras otro.

Entra un archivo ya abierto (`Text`) con su transacción abierta; quedan las filas en la tabla. Sale la cuenta.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from etl.database.connection import Connection
from etl.extract.read import Text
from etl.load.ledger import Counts, Load
from etl.load.table import TableWriter
from etl.run import Session
from etl.schema import Declared
from etl.transform.validate import transform

# Recibe los bytes leídos y las cuentas hasta ahora.
Advance = Callable[[int, Counts], None]
# Un motor: valida y carga las filas de un archivo. Devuelve las cuentas y, si lo leyó entero por su lado, la huella.
LoadRows = Callable[[Connection, Load, Declared, Text, Advance], tuple[Counts, str | None]]


def load_rows(
    connection: Connection, load: Load, declared: Declared, text: Text, advance: Advance
) -> tuple[Counts, None]:
    """Carga las filas de un archivo en su tabla."""
    writer = TableWriter(connection, load.table, load.load_id)
    for chunk in text.chunks:
        writer.write(writer.prepare(chunk, *transform(chunk, declared)))
        advance(text.file.bytes_read, writer.counts)
    return writer.counts, None


@contextmanager
def open_local(_session: Session, _files: object) -> Iterator[LoadRows]:
    """Este proceso."""
    yield load_rows
