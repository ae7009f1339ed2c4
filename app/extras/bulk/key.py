"""La clave y las referencias de una tabla vacía: se quitan antes de llenarla y vuelven al final, que cuesta mucho menos.

La tabla no es del cargador: lo hacen funciones de su dueño (`sql/migrations/after.sql`, `sql/init.sql`), solo con una
tabla sin filas cuya clave no usa nadie, y sin que vuelva todo no hay COMMIT. Es de la transacción del archivo: si se
deshace, la tabla queda como estaba.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors, sql

from etl.database.connection import Connection
from etl.schema import Table

TAKE, PAUSE, GIVE_BACK = (f"SELECT etl.{name}(%s)" for name in ("take_key", "pause_references", "give_key_back"))


def take_key(connection: Connection, table: Table) -> bool:
    """Quita la clave; `False`, y como si nada, si no se puede. Nadie más lee la tabla hasta que acabe la transacción."""
    return _asked(connection, TAKE, table)


def pause_references(connection: Connection, table: Table) -> bool:
    """Deja para el final que cada fila tenga su madre; antes hay que quitar la clave. `False` si no se puede."""
    return bool(table.foreign_keys) and _asked(connection, PAUSE, table)


def _asked(connection: Connection, statement: str, table: Table) -> bool:
    try:
        with connection.transaction():
            row = connection.execute(statement, [_name(table)]).fetchone()
    except errors.UndefinedFunction:  # una base de datos sin migrar desde que existe, o sin superusuario
        return False
    return bool(row and row[0])


def give_key_back(connection: Connection, table: Table) -> int:
    """Construye la clave y comprueba las referencias.

    Si hay filas que repiten la clave, antes las quita, menos la primera de cada una, y dice cuántas.
    """
    with _without_hurry(connection):
        if _is_back(connection, table):
            return 0
        removed = connection.execute(_remove_repeated(table)).rowcount
        connection.execute(GIVE_BACK, [_name(table)])
    return removed


@contextmanager
def _without_hurry(connection: Connection) -> Iterator[None]:
    """Lo que aquí se hace crece con la tabla: no tiene otro límite que la red, que dice si el servidor murió."""
    patience, connection.patience = connection.patience, None
    connection.execute("SET LOCAL statement_timeout = 0")
    yield
    connection.patience = patience


def _is_back(connection: Connection, table: Table) -> bool:
    try:
        with connection.transaction():
            connection.execute(GIVE_BACK, [_name(table)])
    except errors.UniqueViolation:
        return False
    return True


def _remove_repeated(table: Table) -> sql.Composed:
    return sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT place FROM (SELECT ctid AS place,"
        " row_number() OVER (PARTITION BY {key} ORDER BY _line) AS time FROM {table}) AS found WHERE time > 1))"
    ).format(table=sql.Identifier(table.schema, table.table), key=sql.SQL(", ").join(map(sql.Identifier, table.key)))


def _name(table: Table) -> str:
    return sql.Identifier(table.schema, table.table).as_string()
