"""Lo que `etl status` dice, con las filas de la cuarentena que ya se corrigieron."""

from typing import Any

from psycopg import Connection

from etl import plain
from etl.schema import Declared


def status(connection: Connection[Any], declared: list[Declared]) -> dict[str, list[Any]]:
    """Como el del núcleo, con un aviso más."""
    found = plain.status(connection, declared)
    return {**found, "warnings": [*_corrected(connection), *found["warnings"]]}


def _corrected(connection: Connection[Any]) -> list[str]:
    """Las tablas con filas corregidas, y cuántas siguen apartadas."""
    found = connection.execute(
        "SELECT l.table_name, count(*) FILTER (WHERE r.code = 'repaired'),"
        " count(*) FILTER (WHERE r.code NOT IN ('repaired', 'filtered'))"
        " FROM etl.rejects AS r JOIN etl.loads AS l USING (load_id) WHERE l.status = 'loaded' GROUP BY 1 ORDER BY 1"
    )
    return [f"{table}: filas corregidas, {done}; sin corregir, {left}" for table, done, left in found if done]
