"""Un archivo que se declaró después de cargarlo: su tabla de `staging` sobra."""

from typing import Any

from psycopg import Connection, errors, sql

# El mismo de `staging.py`; importarlo de allí traería lo que sabe de tipos, y esto lo paga toda carga.
SCHEMA = "staging"


def declared_now(connection: Connection[Any], file: str) -> list[str]:
    """Borra las tablas de `staging` de un archivo que ya se carga en su tabla declarada.

    Avisa de las que se quedan, con lo que había, porque una vista u otra tabla depende de ellas.
    """
    rows = connection.execute(
        "UPDATE etl.loads SET status = 'replaced' WHERE file = %s AND status = 'loaded' AND table_name LIKE %s"
        " RETURNING table_name",
        (file, f"{SCHEMA}.%"),
    ).fetchall()
    kept = [table for (table,) in rows if not _drop(connection, table.removeprefix(f"{SCHEMA}."))]
    return [
        f"se declaró el archivo, pero {table} sigue: otro objeto depende de ella. Bórrelos cuando pueda"
        for table in kept
    ]


def _drop(connection: Connection[Any], table: str) -> bool:
    """Si se pudo borrar. Si no, la transacción sigue como estaba."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, table)))
    except errors.DependentObjectsStillExist:
        return False
    return True
