"""Lo que el dueño de una tabla presta al cargador mientras la llena: la clave y las referencias, que así cuestan menos.

Lo hacen funciones suyas (`sql/migrations/after.sql`). La clave, solo si la tabla está vacía y nadie la usa: se construye
al final, de una vez. Las referencias se comprueban sentencia a sentencia y no fila a fila. Hasta que vuelve todo no hay
COMMIT; es de la transacción del archivo: si se deshace, la tabla queda como estaba.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from psycopg import errors, sql

from etl.database.connection import Connection
from etl.load.ledger import Counts
from etl.schema import Table


def _ask(what: str, connection: Connection, table: Table) -> bool:
    """`False`, y como si nada, si no puede ser."""
    name = sql.Identifier(table.schema, table.table).as_string()
    try:
        with connection.transaction():
            row = connection.execute(sql.SQL("SELECT etl.{}(%s)").format(sql.Identifier(what)), [name]).fetchone()
    except errors.UndefinedFunction:  # una base de datos sin migrar desde que existe
        return False
    return bool(row and row[0])


class Borrowed:
    """Lo que se presta a una carga, desde que se pide hasta que se devuelve."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection, self._table = connection, table
        self.key = take_key(connection, table)
        # A las tablas a las que apuntan otras, `versions.py` les deja comprobaciones pendientes.
        wanted = bool(table.foreign_keys) and not table.referenced_by
        self._references = wanted and pause_references(connection, table)

    def give_back(self, counts: Counts) -> None:
        """Devuelve las referencias, y la clave con las filas que la repetían ya quitadas y contadas."""
        if self._references:
            resume_references(self._connection, self._table)
        if self.key:
            repeated = give_key_back(self._connection, self._table)
            counts.loaded -= repeated
            counts.duplicate += repeated


# Quita la clave. Nadie más lee la tabla hasta que acabe la transacción.
take_key = partial(_ask, "take_key")
# Las filas que lleguen tendrán madre, o fallará su sentencia entera. No vale si otras tablas apuntan a esta y las hemos
# dejado para el final.
pause_references = partial(_ask, "pause_references")
resume_references = partial(_ask, "resume_references")


def give_key_back(connection: Connection, table: Table) -> int:
    """Construye la clave. Si hay filas que la repiten, antes las quita, menos la primera de cada una, y dice cuántas."""
    with without_hurry(connection):
        try:
            _ask("give_key_back", connection, table)
            return 0
        except errors.UniqueViolation:
            removed = connection.execute(_remove_repeated(table)).rowcount
            _ask("give_key_back", connection, table)
            return removed


@contextmanager
def without_hurry(connection: Connection) -> Iterator[None]:
    """Lo que aquí se hace crece con la tabla: no tiene otro límite que la red, que dice si el servidor murió."""
    patience, connection.patience = connection.patience, None
    connection.execute("SET LOCAL statement_timeout = 0")
    try:
        yield
    finally:
        connection.patience = patience


def _remove_repeated(table: Table) -> sql.Composed:
    return sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT place FROM (SELECT ctid AS place,"
        " row_number() OVER (PARTITION BY {key} ORDER BY _line) AS time FROM {table}) AS found WHERE time > 1))"
    ).format(table=sql.Identifier(table.schema, table.table), key=sql.SQL(", ").join(map(sql.Identifier, table.key)))
