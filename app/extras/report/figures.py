"""Lo que cuenta el informe, preguntado a la base de datos: archivos, calidad, velocidad y marts.

Entra una conexión que pueda leer `etl` y `marts`; sale un `Figures`, ya sin base de datos.
"""

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


SERVER = """
SELECT current_database() AS database, split_part(current_setting('server_version'), ' ', 1) AS server, now() AS taken_at
"""
# El archivo que primero no entró y después sí tiene dos apuntes: vale el último.
FILES = """
SELECT *, extract(epoch FROM finished_at - started_at)::float8 AS seconds
FROM (SELECT DISTINCT ON (file) * FROM etl.loads ORDER BY file, load_id DESC) AS latest
ORDER BY status = 'loaded', table_name, file LIMIT %s
"""
LOADS = """
SELECT *, extract(epoch FROM finished_at - started_at)::float8 AS seconds
FROM (SELECT * FROM etl.loads WHERE status IN ('loaded', 'replaced') ORDER BY load_id DESC LIMIT %s) AS latest
ORDER BY load_id
"""
# Las cuentas de cada tabla, sumando los archivos que hoy están cargados.
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
# Unas filas rechazadas de cada motivo; `total` es cuántas hay con él.
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
# Lo que hizo en cada tabla la última ejecución que cargó algo.
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
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        [server] = cursor.execute(SERVER)
        return Figures(
            **server._asdict(),
            changes=cursor.execute(CHANGES).fetchall(),
            files=cursor.execute(FILES, (FILES_SHOWN,)).fetchall(),
            qualities=cursor.execute(QUALITY).fetchall(),
            examples=cursor.execute(EXAMPLES, (RAW_SHOWN, EXAMPLES_SHOWN)).fetchall(),
            loads=cursor.execute(LOADS, (LOADS_SHOWN,)).fetchall(),
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
