"""Lo que cuenta el informe, preguntado a la base de datos: archivos, calidad, velocidad y marts.

Entra una conexión que pueda leer `etl` y `marts`; sale un `Figures`, ya sin base de datos.
"""

import tomllib
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import namedtuple_row

from etl.load.marts import SCHEMA, description, select
from extras.catalog.tables import Table, read_tables
from extras.profile.profile import Profile, profile

# Más filas no caben en una página que se lea; el resto está en etl.loads y en etl.rejects.
FILES_SHOWN, LOADS_SHOWN, EXAMPLES_SHOWN, MART_ROWS = 200, 60, 3, 20_000
TABLES_SHOWN, COLUMNS_SHOWN = 40, 100
# Una fila puede medir megabytes; para reconocerla basta el principio.
RAW_SHOWN = 240

# Una fila de una consulta, con los nombres que esta les da a sus columnas.
Row = Any


@dataclass(frozen=True)
class Mart:
    """Un mart: su grano (el primer comentario del .sql) y los valores de cada columna."""

    name: str
    grain: str
    columns: dict[str, list[Any]]


@dataclass(frozen=True)
class Figures:
    """Todo lo que enseña el informe."""

    database: str
    server: str
    taken_at: datetime
    changes: list[Row]
    files: list[Row]
    qualities: list[Row]
    examples: list[Row]
    loads: list[Row]
    marts: list[Mart]
    # En una tabla muy ancha, el perfil es el de sus primeras columnas.
    tables: list[tuple[Table, Profile]] = field(default_factory=list)


QUERIES: dict[str, str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def read_figures(connection: Connection[Any], marts_folder: Path) -> Figures:
    """Todo lo del informe. Con una sola transacción se lee en un mismo instante, aunque haya una carga en marcha."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        [server] = cursor.execute(QUERIES["server"])
        return Figures(
            **server._asdict(),
            changes=cursor.execute(QUERIES["changes"]).fetchall(),
            files=cursor.execute(QUERIES["files"], (FILES_SHOWN,)).fetchall(),
            qualities=cursor.execute(QUERIES["quality"]).fetchall(),
            examples=cursor.execute(QUERIES["examples"], (RAW_SHOWN, EXAMPLES_SHOWN)).fetchall(),
            loads=cursor.execute(QUERIES["loads"], (LOADS_SHOWN,)).fetchall(),
            marts=[mart for path in sorted(marts_folder.glob("*.sql")) for mart in _mart(connection, path)],
        )


def read_profiles(connection: Connection[Any]) -> list[tuple[Table, Profile]]:
    """Las tablas que no son marts, con cómo son sus datos. Una vista puede tardar o fallar, y dejaría sin informe."""
    tables = [one for one in read_tables(connection, ["datos", "staging"]) if one.kind in "rpm"]
    return [
        (table, profile(connection, replace(table, columns=table.columns[:COLUMNS_SHOWN])))
        for table in tables[:TABLES_SHOWN]
    ]


def _mart(connection: Connection[Any], path: Path) -> list[Mart]:
    """El mart de un .sql; ninguno si todavía no se ha calculado, o si solo sirve para hacer otro."""
    name = path.stem
    known = connection.execute(
        "SELECT to_regclass(format('%%I.%%I', %(schema)s::text, %(name)s::text)),"
        " EXISTS (SELECT FROM etl.marts WHERE %(schema)s || '.' || %(name)s = ANY (reads))",
        {"schema": SCHEMA, "name": name},
    ).fetchone()
    if known is None or known[0] is None or known[1]:
        return []
    cursor = connection.execute(sql.SQL("SELECT * FROM {} LIMIT %s").format(sql.Identifier(SCHEMA, name)), (MART_ROWS,))
    found = cursor.fetchall()
    columns = {column.name: [row[at] for row in found] for at, column in enumerate(cursor.description or [])}
    return [Mart(name, description(select(path)), columns)]
