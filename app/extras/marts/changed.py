"""Rehace solo los marts que leen algo que ha cambiado; y de esos, si se puede, solo los grupos que cambian.

El registro (`etl.marts`) dice de qué SELECT salió cada uno, qué tablas lee y qué cargas de ellas había. Si una
ejecución se cortó antes de llegar aquí, lo nota la siguiente.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from etl.load.marts import GROUPED, ITS_AUTHORS, SCHEMA, rebuild, select
from extras.marts.groups import by_groups

# Hasta dónde se vio cada tabla: cuántas cargas hubo y qué transacciones escribieron sus apuntes. Quien cambia las filas
# de una carga cambia también su apunte.
# Un mart puede leer otro, de nombre anterior, que cambia cuando se rehace.
LOADS = (
    "SELECT table_name, concat_ws('/', count(*), sum(xmin::text::bigint))"
    " FROM etl.loads WHERE status IN ('loaded', 'replaced') GROUP BY 1"
    " UNION ALL SELECT 'marts.' || name, md5(concat_ws('/', table_oid, query, loads)) FROM etl.marts ORDER BY 1"
)
# De qué dependen una vista y las que ella lee, y si es una tabla de cargas, aunque aún no haya ninguna; sin nombre, lo
# que no es una tabla: una función que no es de PostgreSQL...
READS = """
WITH RECURSIVE used (class, id) AS (
  SELECT 'pg_class'::regclass::oid, 'pg_temp.etl_mart'::regclass::oid
  UNION
  SELECT d.refclassid, d.refobjid
  FROM used JOIN pg_rewrite AS r ON class = 'pg_class'::regclass AND r.ev_class = id
  JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
)
SELECT DISTINCT CASE WHEN c.relkind IN ('r', 'p') THEN relnamespace::regnamespace || '.' || relname END,
  -- La copia que alguien hizo de una (CREATE TABLE AS) también tiene esa columna, pero otro dueño.
  EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = '_load_id' AND relowner = 'etl_owner'::regrole)
FROM used LEFT JOIN pg_class AS c ON class = 'pg_class'::regclass AND c.oid = id
WHERE class IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass) AND c.relkind IS DISTINCT FROM 'v'
"""
# Qué tablas lee el mart que se hizo con ese SELECT, y qué había en ellas.
NOTED = """
SELECT reads, loads::jsonb FROM etl.marts WHERE name = %s AND query = %s AND left(loads, 1) = '{'
AND table_oid = to_regclass(format('%%I.%%I', %s::text, name))
"""
NOTE = """
INSERT INTO etl.marts VALUES (%s, to_regclass(format('%%I.%%I', %s::text, %s::text)), %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET table_oid = excluded.table_oid, query = excluded.query, reads = excluded.reads,
loads = excluded.loads
"""
# Lo apuntado de los marts que ya no están en la carpeta; su tabla se queda.
FORGET = "DELETE FROM etl.marts WHERE name <> ALL (%s) RETURNING name"


def renew(connection: Connection[Any], path: Path) -> bool:
    """Pone al día un mart, si hace falta; dice si ha cambiado."""
    for (gone,) in connection.execute(FORGET, ([one.stem for one in path.parent.glob("*.sql")],)).fetchall():
        by_groups(connection, gone, "", None)
    name, text = path.stem, select(path)
    query = hashlib.sha256(text.encode()).hexdigest()
    # Se mira antes que los datos: una carga que acabe entretanto hará rehacerlo otra vez.
    loads = dict(connection.execute(LOADS).fetchall())
    reads, before = connection.execute(NOTED, (name, query, SCHEMA)).fetchone() or (None, None)
    stale = None if before is None else _seen(reads, loads).items() ^ before.items()
    if before is not None and not stale:
        return False
    known = None if reads is None or stale is None else {table for table, _ in stale}
    apart = before is None or GROUPED in text
    if not (apart and by_groups(connection, name, text, known)):
        reads = _reads(connection, text, loads)
        rebuild(connection, path)
    connection.execute(NOTE, (name, SCHEMA, name, query, reads, json.dumps(_seen(reads, loads))))
    return True


def _seen(reads: list[str] | None, loads: dict[str, str]) -> dict[str, str]:
    """Las cargas de unas tablas, o de todas."""
    if reads is None:
        return {table: mark for table, mark in loads.items() if not table.startswith(f"{SCHEMA}.")}
    return {table: loads[table] for table in reads if table in loads}


def _reads(connection: Connection[Any], text: str, loads: dict[str, str]) -> list[str] | None:
    """Las tablas que lee un SELECT, según PostgreSQL; `None` si alguna cambia sin que lo diga el libro de cargas."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("CREATE TEMP VIEW etl_mart AS {}").format(sql.SQL(text)))
            reads = connection.execute(READS).fetchall()
    except ITS_AUTHORS:  # no todo lo que hace una tabla hace una vista
        return None
    return [name for name, _ in reads] if all(loaded or name in loads for name, loaded in reads) else None
