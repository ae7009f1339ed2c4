"""Cómo son los valores de cada columna de una tabla: nulos, distintos, extremos, más frecuentes y un histograma.

Lo cuenta PostgreSQL, columna a columna: aquí llegan unos números, mida lo que mida la tabla. De una grande se mira
una muestra, siempre la misma mientras no cambie, y todo menos las filas es aproximado.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from extras.catalog.tables import Column, Table

# Hasta aquí se mira entera, y de una más pesada, como mínimo 100 filas. Una de 5 millones de filas y 12 columnas tarda
# así 1 o 2 s, la mitad en contarlas.
MOST_ROWS, MOST_BYTES, FEWEST = 100_000, 100_000_000, 100
FREQUENT, BINS, LONGEST = 5, 12, 60
INTEGERS = ("smallint", "integer", "bigint")
NUMBERS = (*INTEGERS, "numeric", "real", "double precision", "money")
TEXTS = ("text", "character varying", "character")
TIMES = ("date", "interval", "timestamp without time zone", "timestamp with time zone")

VALUES = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class ColumnProfile:
    """Los valores de una columna, como los escribe PostgreSQL. `frequent`: (valor, filas), de más a menos."""

    name: str
    type: str
    nulls: int
    distinct: int
    minimum: str | None
    maximum: str | None
    frequent: list[tuple[str, int]]
    histogram: list[int]


@dataclass(frozen=True)
class Profile:
    """Una tabla, columna a columna. `sampled`: cuántas filas se miraron, si no fueron todas."""

    table: str
    rows: int
    sampled: int | None
    columns: list[ColumnProfile]


def profile(connection: Connection[Any], table: Table) -> Profile:
    """El perfil de una tabla o de una vista."""
    rows, source = _count(connection, table.identifier), sql.Composed([table.identifier])
    wanted = min(MOST_ROWS, rows * MOST_BYTES / max(1, _size(connection, table)))
    share = min(1, max(FEWEST, wanted) / max(1, rows))
    if share < 1 and table.kind in "rpm":
        # Por bloques, sin leer los demás; si lo que pesa son unas pocas filas, fila a fila.
        way = sql.SQL("SYSTEM" if rows > MOST_ROWS else "BERNOULLI")
        source = sql.SQL("{} TABLESAMPLE {} ({}) REPEATABLE (0)").format(table.identifier, way, 100 * share)
    elif share < 1:
        source = sql.SQL("{} WHERE random() < {}").format(table.identifier, share)
    columns = [_column(connection, source, column, rows) for column in table.columns]
    return Profile(table.full_name, rows, _count(connection, source) if share < 1 else None, columns)


def _size(connection: Connection[Any], table: Table) -> int:
    """Lo que ocupa una tabla, con sus valores largos; de una vista, nada."""
    name = sql.Literal(table.identifier.as_string())
    return int(_one(connection, sql.SQL("SELECT pg_table_size({}::regclass)").format(name))[0])


def _count(connection: Connection[Any], source: sql.Composable) -> int:
    return int(_one(connection, sql.SQL("SELECT count(*) FROM {}").format(source))[0])


def _one(connection: Connection[Any], query: sql.Composed) -> tuple[Any, ...]:
    return tuple(connection.execute(query).fetchone())  # type: ignore[arg-type]


def _column(connection: Connection[Any], source: sql.Composable, column: Column, rows: int) -> ColumnProfile:
    name, numeric = sql.Identifier(column.name), column.base in NUMBERS
    ordered = numeric or column.base in TEXTS + TIMES
    number = "v::numeric" if numeric else "extract(epoch FROM v)" if column.base in TIMES else "NULL::numeric"
    query = sql.SQL(VALUES).format(
        value=name if numeric or column.base in TIMES else sql.SQL("{}::text").format(name),
        source=source,
        number=sql.SQL(number),
        # De los enteros, la última barra llega hasta el siguiente: si no, la última tendría uno de más.
        step=sql.SQL("1" if column.base in INTEGERS else "0"),
        least=sql.SQL("min(v)" if ordered else "NULL"),
        most=sql.SQL("max(v)" if ordered else "NULL"),
        # No como parámetros: el nombre de una columna puede llevar un «%».
        frequent=FREQUENT, bins=BINS, longest=LONGEST,
    )  # fmt: skip
    looked, nulls, distinct, once, least, most, frequent, histogram = _one(connection, query)
    times = rows / looked if looked else 1
    return ColumnProfile(
        column.name, column.type, _scaled(nulls, times), _distinct(looked - nulls, distinct, once, times), least, most,
        # Si ninguno se repite, ninguno es el más frecuente.
        [(value, _scaled(count, times)) for value, count in frequent or () if count > 1],
        [_scaled(count, times) for count in histogram],
    )  # fmt: skip


def _scaled(count: float, times: float) -> int:
    """De lo contado en la muestra a la tabla, con tres cifras: las demás no se saben."""
    whole = round(count * times)
    return whole if times == 1 else round(whole, 3 - len(str(whole)))


def _distinct(looked: int, distinct: int, once: int, times: float) -> int:
    """Cuántos distintos hay en la tabla: los que en la muestra salen una vez dicen cuántos faltan (Haas y Stokes, 1998).

    Es lo que hace ANALYZE; si se miró todo, son los que se vieron.
    """
    missing = looked - once + once / times
    return _scaled(distinct, looked / missing) if missing else distinct
