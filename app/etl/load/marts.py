"""Rehace los marts: una tabla por archivo de `sql/marts/`, con lo que devuelve su SELECT.

Se llaman tras una carga. Cada uno se rehace en una transacción: quien consulta ve el de antes o
el nuevo, nunca la tabla vacía.
"""

from pathlib import Path
from typing import Any

from psycopg import Connection, errors, sql

SCHEMA = "marts"


def refresh_marts(connection: Connection[Any], folder: Path) -> list[str]:
    """Rehace todos los marts y devuelve sus nombres; pasa por alto los de tablas que no existen."""
    return [path.stem for path in sorted(folder.glob("*.sql")) if _refresh(connection, path)]


def _refresh(connection: Connection[Any], path: Path) -> bool:
    mart = sql.Identifier(SCHEMA, path.stem)
    building = sql.Identifier(SCHEMA, f"{path.stem}__nuevo")
    query = sql.SQL(path.read_text(encoding="utf-8").rstrip().rstrip(";"))
    try:
        with connection.transaction():
            connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{SCHEMA}.{path.stem}",)
            )
            connection.execute(sql.SQL("CREATE TABLE {} AS {}").format(building, query))
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(mart))
            connection.execute(
                sql.SQL("ALTER TABLE {} RENAME TO {}").format(building, sql.Identifier(path.stem))
            )
    except errors.UndefinedTable:
        return False
    return True
