"""Pone al día un mart solo en los grupos que tocan las filas nuevas, las cambiadas y las que se van.

Lo pide su primer comentario: «-- Por grupos de datos.viajes: dia, estacion», columnas de esa tabla que el mart
da con su nombre. Qué grupos son lo apuntan los disparadores de `sql/migrations/after.sql`. Si no se puede (lo decide
PostgreSQL) o no sale a cuenta, devuelve `False` y `changed.py` lo rehace entero, como siempre.
"""

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection, errors, sql

from etl.load.ledger import rows_of
from etl.load.marts import ITS_AUTHORS, SCHEMA
from etl.one_file import TRY_LOCK
from etl.schema import Table

QUERIES: dict[str, str] = tomllib.loads(Path(__file__).with_name("queries.toml").read_text(encoding="utf-8"))
ASKED = re.compile(r"^--\s*Por grupos de datos\.(\w+): *(\w+(?:, *\w+)*)\.?\s*$", re.M)
# Con la hora de ahora, los grupos que no cambian también serían otros.
MOMENT = re.compile(
    r"\b(?:now|age|today|tomorrow|yesterday|\w*random\w*|current_\w+|local\w+|\w+_timestamp|timeofday)\b", re.I
)
# Con más grupos, o si es nueva buena parte de la tabla, se acaba antes rehaciéndolo.
MOST_VALUES, FEW_ROWS, SHARE = 10_000, 100_000, 4

# Por dónde dice un plan qué filas lee de una tabla.
FILTERS = ("Filter", "Index Cond", "Recheck Cond")
Values = dict[str, set[str | None]]


@dataclass(frozen=True)
class Grain:
    """Las columnas de una tabla de `datos` que dicen de qué grupo es cada fila, con su tipo."""

    table: str
    types: dict[str, str]

    @property
    def full_name(self) -> str:
        return f"datos.{self.table}"

    def condition(self, values: dict[str, sql.Composable], nulls: set[str]) -> sql.Composed:
        """Los grupos con alguno de esos valores en cada columna: si hay varias, quizá más de los que cambiaron."""
        some = sql.SQL("{0} = ANY ({1}::{2}[])")
        terms = [
            sql.SQL("({} OR {} IS NULL)" if name in nulls else "({})").format(
                some.format(sql.Identifier(name), values[name], sql.SQL(kind)), sql.Identifier(name)
            )
            for name, kind in self.types.items()
        ]
        return sql.SQL(" AND ").join(terms)


def by_groups(connection: Connection[Any], name: str, text: str, stale: set[str] | None) -> bool:
    """Si el mart ha quedado al día sin rehacerlo; todo, en la transacción que esté abierta.

    `stale`: las tablas que cambiaron desde que se hizo; `None` si hay que rehacerlo. Si se va a rehacer, deja dicho
    que desde ahora se apunten sus grupos, o que no.
    """
    if not connection.execute(QUERIES["ready"]).fetchone()[0]:  # type: ignore[index]
        return False
    grain = _asked(connection, text)
    noted = grain is not None and connection.execute(QUERIES["registered"], (name, *_key(grain))).fetchone() is not None
    # Antes que los datos: lo que se apunte entretanto queda para la vez siguiente.
    touched = connection.execute(
        "DELETE FROM etl.touched WHERE mart = %s RETURNING column_name, value", (name,)
    ).fetchall()
    if grain and noted and stale == {grain.full_name}:
        values = _values(connection, grain, touched)
        if values is not None and _replace(connection, name, text, grain, values):
            return True
    if grain and (noted or _nobody_writes(connection, grain)) and _stands_alone(connection, text, grain):
        connection.execute(QUERIES["register"], (name, *_key(grain)))
    else:
        connection.execute("DELETE FROM etl.grains WHERE mart = %s", (name,))
    return False


def _key(grain: Grain) -> tuple[Any, ...]:
    return grain.full_name, list(grain.types), grain.table


def _asked(connection: Connection[Any], text: str) -> Grain | None:
    """Lo que dice el comentario del mart, si la tabla tiene esas columnas y avisa de las filas que se van."""
    found = ASKED.search(text)
    if not found or MOMENT.search(text.replace(found[0], "")):
        return None
    names = re.split(", *", found[2])
    types = dict(connection.execute(QUERIES["columns"], (found[1], names)).fetchall())
    return Grain(found[1], {name: types[name] for name in names}) if types.keys() == set(names) else None


def _nobody_writes(connection: Connection[Any], grain: Grain) -> bool:
    """Si nadie está cargando ni cambiando la tabla, que no habría apuntado sus grupos; no empezará hasta el COMMIT."""
    if connection.execute(TRY_LOCK, (grain.full_name,)).fetchone()[0]:  # type: ignore[index]
        with suppress(errors.LockNotAvailable), connection.transaction():
            connection.execute(sql.SQL("LOCK TABLE datos.{} IN SHARE MODE NOWAIT").format(sql.Identifier(grain.table)))
            return True
    return False


def _stands_alone(connection: Connection[Any], text: str, grain: Grain) -> bool:
    return all(_is_apart(connection, text, grain, nulls) for nulls in (set(), set(grain.types)))


def _is_apart(connection: Connection[Any], text: str, grain: Grain, nulls: set[str]) -> bool:
    """Si lo que sale de cada grupo depende solo de sus filas.

    Así es cuando PostgreSQL, al pedirle unos grupos, solo lee de la tabla las filas con esos valores: no lo hace si un
    rango, un total o un LIMIT mira las demás, ni si el mart llama igual a otra cosa.
    """
    marks: dict[str, sql.Composable] = {name: sql.SQL(f"${at}") for at, name in enumerate(grain.types, 1)}
    explain = sql.SQL("EXPLAIN (GENERIC_PLAN, FORMAT JSON) {}").format(_chosen(text, grain.condition(marks, nulls)))
    try:
        with connection.transaction():
            (plan,) = connection.execute(explain).fetchone() or ([],)
    except ITS_AUTHORS:  # no da esas columnas, o no con su tipo; si está mal, ya se dirá al hacerlo
        return False
    scans = [node for node in _nodes(plan[0]["Plan"]) if node.get("Relation Name") == grain.table]
    return bool(scans) and all(
        re.search(
            rf'(?<!\w)\(\(?"?{name}"?\)?(?:::text)? = ANY \(+\${at}\b',
            " ".join(str(node.get(part)) for part in FILTERS),
        )
        for node in scans
        for at, name in enumerate(grain.types, 1)
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _values(connection: Connection[Any], grain: Grain, touched: list[tuple[str, str | None]]) -> Values | None:
    """Los valores de cada columna en los grupos que cambian; `None` si son demasiados."""
    values: Values = {name: {value for column, value in touched if column == name} for name in grain.types}
    loads = connection.execute(
        QUERIES["new_rows"], (grain.full_name, [int(value or 0) for column, value in touched if column == "_load_id"])
    ).fetchall()
    total = connection.execute(
        "SELECT sum(rows_loaded) FROM etl.loads WHERE table_name = %s AND status = 'loaded'", (grain.full_name,)
    ).fetchone()
    rows = sum(count for _, count, _ in loads)
    if rows > FEW_ROWS and rows * SHARE > (total or [0])[0]:
        return None
    for load_id, _, limits in loads:
        own = rows_of(Table("datos", grain.table, tuple(limits or ())), load_id, limits)
        for name, known in values.items():
            query = sql.SQL("SELECT DISTINCT {}::text FROM {} WHERE {}").format(
                sql.Identifier(name), sql.Identifier("datos", grain.table), own
            )
            known.update(value for (value,) in connection.execute(query))
    return values if all(len(known) <= MOST_VALUES for known in values.values()) else None


def _chosen(text: str, condition: sql.Composed) -> sql.Composed:
    return sql.SQL("SELECT * FROM ({}\n) AS mart WHERE {}").format(sql.SQL(text), condition)


def _replace(connection: Connection[Any], name: str, text: str, grain: Grain, values: Values) -> bool:
    """Cambia en el mart los grupos tocados por lo que su SELECT da ahora de ellos, si da aún las mismas columnas."""
    known = {column: sql.Literal([one for one in found if one is not None]) for column, found in values.items()}
    condition = grain.condition(dict(known), {column for column, found in values.items() if None in found})
    # Una tabla nueva se puede llenar con varios procesos; una que ya está, no.
    fresh, mart = sql.Identifier("pg_temp", f"{name}__grupos"), sql.Identifier(SCHEMA, name)
    connection.execute(
        sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS {}").format(
            sql.Identifier(f"{name}__grupos"), _chosen(text, condition)
        )
    )
    if len({tuple(connection.execute(QUERIES["shape"], (one.as_string(),)).fetchall()) for one in (fresh, mart)}) > 1:
        return False
    connection.execute(sql.SQL("DELETE FROM {} WHERE {}").format(mart, condition))
    connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(mart, fresh))
    return True


def kinds(connection: Connection[Any]) -> list[str]:
    """Qué marts se ponen al día por grupos y cuáles se rehacen enteros, para `etl status`."""
    if not connection.execute(QUERIES["ready"]).fetchone()[0]:  # type: ignore[index]
        return []
    found = connection.execute(
        "SELECT string_agg(m.name, ', ' ORDER BY m.name) FILTER (WHERE mart IS NOT NULL),"
        " string_agg(m.name, ', ' ORDER BY m.name) FILTER (WHERE mart IS NULL)"
        " FROM etl.marts AS m LEFT JOIN etl.grains ON mart = m.name"
    ).fetchone()
    titles = ("Marts que se ponen al día por grupos", "Marts que se rehacen enteros")
    return [f"{title}: {names}" for title, names in zip(titles, found or (), strict=False) if names]
