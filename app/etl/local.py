"""El motor de un proceso: valida los trozos de un archivo uno tras otro, por delante de la carga.

Entra un archivo ya abierto (`Text`) con su transacción abierta; quedan las filas en la tabla. Sale la cuenta.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from psycopg import Connection

from etl.extract.read import Text
from etl.load.ledger import Counts, Load
from etl.load.table import Advance, OpenSieve, TableWriter, write_all
from etl.schema import Declared
from etl.session import Session
from etl.transform.validate import transform

# Un motor: valida y carga las filas de un archivo. Devuelve las cuentas y, si lo leyó entero por su lado, la huella.
LoadRows = Callable[[Connection[Any], Load, Declared, Text, Advance], tuple[Counts, str | None]]


@contextmanager
def open_local(_session: Session, _files: object, open_sieve: OpenSieve | None = None) -> Iterator[LoadRows]:
    """Este proceso. `open_sieve` separa las filas que pueden chocar de las demás: sin él también se carga."""
    yield partial(load_rows, open_sieve=open_sieve)


def load_rows(
    connection: Connection[Any],
    load: Load,
    declared: Declared,
    text: Text,
    advance: Advance,
    open_sieve: OpenSieve | None = None,
) -> tuple[Counts, None]:
    """Carga las filas de un archivo en su tabla."""
    writer = TableWriter(connection, load.table, load.load_id, open_sieve)
    ready = (writer.prepare(chunk, *transform(chunk, declared)) for chunk in text.chunks)
    return write_all(writer, ready, text.file, advance), None
