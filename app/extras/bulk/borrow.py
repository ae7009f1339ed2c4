"""Lo que el dueño de una tabla presta al cargador mientras la llena: la clave y las referencias, que así cuestan menos.

Lo hacen funciones suyas (`sql/migrations/after.sql`). La clave, solo si la tabla está vacía y nadie la usa: se construye
al final, de una vez. Las referencias se comprueban sentencia a sentencia y no fila a fila. Hasta que vuelve todo no hay
COMMIT; es de la transacción del archivo: si se deshace, la tabla queda como estaba.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
from psycopg import errors, sql

from etl.database.connection import Connection
from etl.load.ledger import Counts
from etl.schema import Table
from extras.bulk.sieve import repeated_lines

# Lo que ocupan, como mucho, las claves apuntadas; con más, busca las repetidas el servidor, que ordena la tabla.
MEMORY = 32 << 20


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
        self._keys: list[pa.Table] = []
        self._room = MEMORY
        # A las tablas a las que apuntan otras, `versions.py` les deja comprobaciones pendientes.
        wanted = bool(table.foreign_keys) and not table.referenced_by
        self._references = wanted and pause_references(connection, table)

    def note(self, rows: pa.Table) -> None:
        """Apunta las claves de unas filas que van a una tabla sin la suya: dicen dónde están las repetidas."""
        keys = rows.select([name for name in (*self._table.key, "_line") if name in rows.column_names])
        self._keys.append(keys)
        self._room -= keys.nbytes
        if self._room < 0:
            self._keys.clear()

    def give_back(self, counts: Counts) -> None:
        """Devuelve las referencias, y la clave con las filas que la repetían ya quitadas y contadas."""
        if self._references:
            resume_references(self._connection, self._table)
        if self.key:
            repeated = give_key_back(self._connection, self._table, self._keys)
            counts.loaded -= repeated
            counts.duplicate += repeated


# Quita la clave. Nadie más lee la tabla hasta que acabe la transacción.
take_key = partial(_ask, "take_key")
# Las filas que lleguen tendrán madre, o fallará su sentencia entera. No vale si otras tablas apuntan a esta y las hemos
# dejado para el final.
pause_references = partial(_ask, "pause_references")
resume_references = partial(_ask, "resume_references")


def give_key_back(connection: Connection, table: Table, keys: Sequence[pa.Table] = ()) -> int:
    """Construye la clave. Si hay filas que la repiten, antes las quita, menos la primera de cada una, y dice cuántas.

    Las busca en las líneas que dicen `keys`, y si no bastan (para PostgreSQL, 0.0 y -0.0 son iguales), en todas.
    """
    removed = 0
    with without_hurry(connection):
        for noted in (keys, ()):
            try:
                _ask("give_key_back", connection, table)
                return removed
            except errors.UniqueViolation:
                lines = repeated_lines(noted, table.key)
                removed += connection.execute(_remove_repeated(table), [lines or None]).rowcount
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
        "WITH suspect AS (SELECT unnest(%s::bigint[]) AS line) DELETE FROM {table} WHERE ctid = ANY (ARRAY("
        "SELECT place FROM (SELECT ctid AS place, row_number() OVER (PARTITION BY {key} ORDER BY _line) AS time"
        " FROM {table} WHERE _line IN (TABLE suspect) OR NOT EXISTS (TABLE suspect)) AS found WHERE time > 1))"
    ).format(table=sql.Identifier(table.schema, table.table), key=sql.SQL(", ").join(map(sql.Identifier, table.key)))
