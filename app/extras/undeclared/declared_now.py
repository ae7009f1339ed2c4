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
        " RETURNING table_name,"
        " (SELECT count(*) FROM etl.rejects AS r WHERE r.load_id = loads.load_id AND code = 'repaired')",
        (file, f"{SCHEMA}.%"),
    ).fetchall()
    kept = [table for table, _ in rows if not _drop(connection, table.removeprefix(f"{SCHEMA}."))]
    return [
        f"se declaró el archivo, pero {table} sigue: otro objeto depende de ella. Bórrelos cuando pueda"
        for table in kept
    ] + [
        f"filas corregidas en {table}, antes de declararlo, que hay que corregir otra vez: {mended}"
        for table, mended in rows
        if mended
    ]


def _drop(connection: Connection[Any], table: str) -> bool:
    """Si se pudo borrar. Si no, la transacción sigue como estaba."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, table)))
    except errors.DependentObjectsStillExist:
        return False
    return True
