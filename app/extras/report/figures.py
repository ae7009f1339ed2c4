"""Lo que cuenta el informe, preguntado a la base de datos: archivos, calidad, velocidad y marts.

Entra una conexión que pueda leer `etl` y `marts`; sale un `Figures`, ya sin base de datos.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

from psycopg import Connection, sql
from psycopg.rows import class_row

from etl.load.marts import SCHEMA, description, select
from extras.catalog.tables import Table, read_tables
from extras.profile.profile import Profile, profile

# Más filas no caben en una página que se lea; el resto está en etl.loads y en etl.rejects.
FILES_SHOWN, LOADS_SHOWN, EXAMPLES_SHOWN, MART_ROWS = 200, 60, 3, 20_000
TABLES_SHOWN, COLUMNS_SHOWN = 40, 100
# Una fila puede medir megabytes; para reconocerla basta el principio.
RAW_SHOWN = 240


@dataclass(frozen=True)
class FileFate:
    """Lo último que le pasó a un archivo."""

    file: str
    table_name: str
    status: str
    bytes: int
    encoding: str | None
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int
    seconds: float
    started_at: datetime
    error: str | None
    warnings: list[str]


@dataclass(frozen=True)
class Quality:
    """Las cuentas de una tabla, sumando los archivos que hoy están cargados."""

    table_name: str
    files: int
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int
    rows_repaired: int


@dataclass(frozen=True)
class Example:
    """Una fila rechazada. `total` es cuántas hay con su mismo motivo."""

    table_name: str
    column_name: str | None
    code: str
    total: int
    file: str
    line: int
    raw: str
    message: str


@dataclass(frozen=True)
class Change:
    """Lo que hizo en una tabla la última ejecución que cargó algo."""

    table_name: str
    files_new: int
    files_again: int
    files_outside: int
    rows_new: int
    rows_updated: int
    rows_rejected: int
    rows_repaired: int
    started_at: datetime
    seconds: float


@dataclass(frozen=True)
class Mart:
    """Un mart: su grano (el primer comentario del .sql), sus columnas y sus filas."""

    name: str
    grain: str
    columns: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Figures:
    """Todo lo que enseña el informe."""

    database: str
    server: str
    taken_at: datetime
    changes: list[Change]
    files: list[FileFate]
    qualities: list[Quality]
    examples: list[Example]
    loads: list[FileFate]
    marts: list[Mart]
    # En una tabla muy ancha, el perfil es el de sus primeras columnas.
    tables: list[tuple[Table, Profile]] = field(default_factory=list)


# El archivo que primero no entró y después sí tiene dos apuntes: vale el último.
FILES = """
SELECT file, table_name, status, bytes, encoding, rows_read, rows_loaded, rows_duplicate, rows_rejected,
  extract(epoch FROM finished_at - started_at)::float8 AS seconds, started_at, error, warnings
FROM (SELECT DISTINCT ON (file) * FROM etl.loads ORDER BY file, load_id DESC) AS latest
ORDER BY status = 'loaded', table_name, file
LIMIT %s
"""
LOADS = """
SELECT file, table_name, status, bytes, encoding, rows_read, rows_loaded, rows_duplicate, rows_rejected,
  extract(epoch FROM finished_at - started_at)::float8 AS seconds, started_at, error, warnings
FROM (SELECT * FROM etl.loads WHERE status IN ('loaded', 'replaced') ORDER BY load_id DESC LIMIT %s) AS latest
ORDER BY load_id
"""
QUALITY = """
SELECT table_name, count(*)::int AS files, sum(rows_read - filtered)::bigint AS rows_read,
  sum(rows_loaded)::bigint AS rows_loaded, sum(rows_duplicate)::bigint AS rows_duplicate,
  sum(rows_rejected - filtered)::bigint AS rows_rejected, sum(repaired)::bigint AS rows_repaired
FROM etl.loads,
  LATERAL (SELECT count(*) FILTER (WHERE code = 'filtered') AS filtered,
    count(*) FILTER (WHERE code = 'repaired') AS repaired
    FROM etl.rejects AS r WHERE r.load_id = loads.load_id) AS f
WHERE status = 'loaded' GROUP BY table_name ORDER BY table_name
"""
EXAMPLES = """
SELECT table_name, column_name, code, total, file, line, left(raw, %s) AS raw, message
FROM (
  SELECT l.table_name, r.column_name, r.code, l.file, r.line, r.raw, r.message,
    count(*) OVER reason AS total,
    -- Un ejemplo de cada mensaje antes que dos iguales.
    row_number() OVER (PARTITION BY l.table_name, r.column_name, r.code
                       ORDER BY same_message, l.file, r.line) AS position
  FROM (
    SELECT *, row_number() OVER (PARTITION BY load_id, column_name, code, message ORDER BY line) AS same_message
    FROM etl.rejects WHERE code NOT IN ('filtered', 'repaired')
  ) AS r
  JOIN etl.loads AS l USING (load_id)
  WHERE l.status = 'loaded'
  WINDOW reason AS (PARTITION BY l.table_name, r.column_name, r.code)
) AS numbered
WHERE position <= %s
ORDER BY table_name, total DESC, code, column_name, position
"""

CHANGES = """
SELECT table_name, count(*) FILTER (WHERE status = 'loaded' AND NOT known)::int AS files_new,
  count(*) FILTER (WHERE status = 'loaded' AND known)::int AS files_again,
  count(*) FILTER (WHERE status IN ('refused', 'failed'))::int AS files_outside,
  sum(greatest(rows_loaded - rows_updated - repaired, 0))::bigint AS rows_new, sum(rows_updated)::bigint AS rows_updated,
  sum(rows_rejected)::bigint AS rows_rejected, sum(repaired)::bigint AS rows_repaired,
  min(started_at) AS started_at, sum(extract(epoch FROM finished_at - started_at))::float8 AS seconds
FROM (
  SELECT *, reloads > 0 OR EXISTS (
    SELECT FROM etl.loads AS b WHERE b.file = l.file AND b.load_id < l.load_id AND b.status <> 'refused') AS known,
    (SELECT count(*) FROM etl.rejects AS r WHERE r.load_id = l.load_id AND r.code = 'repaired') AS repaired
  FROM etl.loads AS l
  WHERE run_id = (SELECT run_id FROM etl.loads WHERE status = 'loaded' ORDER BY started_at DESC LIMIT 1)
) AS last
GROUP BY table_name ORDER BY table_name
"""


def read_figures(connection: Connection[Any], marts_folder: Path) -> Figures:
    """Todo lo del informe. Con una sola transacción se lee en un mismo instante, aunque haya una carga en marcha."""
    row = connection.execute("SELECT current_database(), current_setting('server_version'), now()").fetchone()
    assert row is not None
    return Figures(
        database=row[0],
        server=row[1].split(" ")[0],
        taken_at=row[2],
        changes=_all(connection, Change, CHANGES),
        files=_all(connection, FileFate, FILES, FILES_SHOWN),
        qualities=_all(connection, Quality, QUALITY),
        examples=_all(connection, Example, EXAMPLES, RAW_SHOWN, EXAMPLES_SHOWN),
        loads=_all(connection, FileFate, LOADS, LOADS_SHOWN),
        marts=[mart for path in sorted(marts_folder.glob("*.sql")) for mart in _mart(connection, path)],
    )


def read_profiles(connection: Connection[Any]) -> list[tuple[Table, Profile]]:
    """Las tablas que no son marts, con cómo son sus datos. Una vista puede tardar o fallar, y dejaría sin informe."""
    tables = [one for one in read_tables(connection, ["datos", "staging"]) if one.kind in "rpm"]
    return [
        (table, profile(connection, replace(table, columns=table.columns[:COLUMNS_SHOWN])))
        for table in tables[:TABLES_SHOWN]
    ]


def _all(connection: Connection[Any], kind: type[Any], query: LiteralString, *parameters: int) -> list[Any]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, parameters).fetchall()


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
    columns = [column.name for column in cursor.description or []]
    return [Mart(name, description(select(path)), columns, cursor.fetchall())]
