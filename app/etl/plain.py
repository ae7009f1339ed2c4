"""Lo que se ve en el terminal, en texto llano: resumen, estado y cuarentena.

Las consultas de aquí las usa también quien lo enseña con tablas y colores.
"""

import sys
from collections.abc import Callable
from typing import Any

from psycopg import Connection, errors, sql
from psycopg.rows import dict_row

from etl.errors import UsageError
from etl.reader import many, program, rows, shown, thousands
from etl.run import RunResult
from etl.schema import Declared

OUTCOMES = {"loaded": "cargado", "skipped": "ya estaba", "refused": "rechazado", "failed": "falló"}
STATUSES = {"loaded": "cargado", "replaced": "reemplazado", "refused": "rechazado", "failed": "falló"}

# De una tabla que otra sesión no deja mirar: la primera carga de una vacía la reserva.
BUSY = "la reserva otra sesión"
TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables"
    # Las vistas no: contarlas ejecutaría lo que su dueño quisiera, con los permisos de quien mira.
    " WHERE table_schema IN ('datos', 'staging', 'marts') AND table_type = 'BASE TABLE' ORDER BY 1, 2"
)
LAST_LOADS = (
    "SELECT started_at, file, status, rows_loaded, rows_duplicate, rows_rejected, error"
    " FROM etl.loads ORDER BY load_id DESC LIMIT 15"
)
REJECTS = (
    "SELECT l.table_name AS table, r.code, count(*) AS rows, min(r.message) AS example"
    " FROM etl.rejects AS r JOIN etl.loads AS l USING (load_id)"
    " WHERE l.status = 'loaded' AND r.code <> 'repaired' AND (%(table)s::text IS NULL OR l.table_name LIKE %(table)s)"
    " GROUP BY 1, 2 ORDER BY 1, 3 DESC"
)


def show_result(result: RunResult, quiet: bool, explain: Callable[[str], list[str]]) -> None:
    """Qué fue de cada archivo; con `quiet`, solo lo que no entró."""
    for file in result.files:
        if file.outside:
            _say(f"✖ {file.file}: {file.reason}", *explain(file.reason or ""), error=True)
        elif not quiet:
            counts = file.counts
            _say(
                f"{OUTCOMES[file.status]} {file.file}: {rows(counts.read)} = {thousands(counts.loaded)} cargadas"
                f" + {thousands(counts.duplicate)} duplicadas + {thousands(counts.rejected)} rechazadas"
                + (f" ({thousands(counts.filtered)} las descarta la transformación)" if counts.filtered else "")
            )
            _say(*(f"! {file.file}: {warning}" for warning in file.warnings))
    _say(*(f"✖ {wrong}. Corríjalo y repita: {program()} run" for wrong in result.wrong_marts), error=True)
    if not quiet:
        _say(f"Siga con: {program()} status")


def show_status(connection: Connection[Any], declared: list[Declared]) -> None:
    """Las tablas con sus filas, y las quince últimas cargas."""
    found = status(connection, declared)
    _say(*(f"{one['table']}: {BUSY if one['rows'] is None else rows(one['rows'])}" for one in found["tables"]), "")
    for load in found["loads"]:
        counts = ", ".join(str(load[f"rows_{name}"]) for name in ("loaded", "duplicate", "rejected"))
        told = [f"{load['started_at']:%d/%m %H:%M} {load['file']}: {STATUSES[load['status']]}, {counts}", load["error"]]
        _say(" · ".join(filter(None, told)))
    _say(*found["warnings"])


def show_rejects(connection: Connection[Any], table: str | None) -> None:
    """Cuántas filas hay en cuarentena por tabla y motivo, con un ejemplo de cada uno."""
    for one in rejected(connection, table):
        _say(f"{one['table']}: {rows(one['rows'])}, {one['code']}: {one['example']}")


def status(connection: Connection[Any], declared: list[Declared]) -> dict[str, list[Any]]:
    """Las tablas con sus filas (sin ellas, si no se dejan mirar), las últimas cargas y lo que hay que saber."""
    tables = connection.execute(TABLES).fetchall()
    return {
        "tables": [{"table": f"{schema}.{name}", "rows": _count(connection, schema, name)} for schema, name in tables],
        "loads": connection.cursor(row_factory=dict_row).execute(LAST_LOADS).fetchall(),
        "warnings": _outdated(connection, declared),
    }


def _outdated(connection: Connection[Any], declared: list[Declared]) -> list[str]:
    """Las tablas con archivos que se leyeron con una declaración anterior, y qué hacer."""
    found = connection.execute(
        "SELECT table_name, declaration, count(*) FROM etl.loads"
        " WHERE status = 'loaded' AND declaration IS NOT NULL GROUP BY 1, 2 ORDER BY 1"
    ).fetchall()
    now = {one.table.name: one.fingerprint for one in declared}
    return [
        f"{table}: su declaración ha cambiado desde que se {'cargó' if count == 1 else 'cargaron'} {many(count, 'archivo')}."
        f" Para cargar otra vez con la de ahora: {program()} run --again"
        for table, then, count in found
        if now.get(table, then) != then
    ]


def rejected(connection: Connection[Any], table: str | None) -> list[dict[str, Any]]:
    """De cada tabla y motivo, cuántas filas y un ejemplo. Lanza `UsageError` si no existe esa tabla."""
    if table is not None:
        table_columns(connection, table)
    return connection.cursor(row_factory=dict_row).execute(REJECTS, {"table": pattern(table)}).fetchall()


def pattern(table: str | None) -> str | None:
    """Para buscar una tabla por su nombre, con esquema o sin él."""
    return None if table is None else table if "." in table else f"%.{table}"


def table_columns(connection: Connection[Any], table: str) -> list[str]:
    """Las columnas de una tabla, sin las nuestras. Lanza `UsageError` si no existe."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema || '.' || table_name LIKE %s"
        " AND column_name NOT LIKE '\\_%%' ORDER BY ordinal_position",
        (pattern(table),),
    ).fetchall()
    if not found:
        raise UsageError(f"No hay ninguna tabla «{table}».", f"Véalas con «{program()} status».")
    return [row[0] for row in found]


def _count(connection: Connection[Any], schema: str, name: str) -> int | None:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, name))
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '1s'")
            row = connection.execute(query).fetchone()
    except errors.LockNotAvailable:
        return None
    return int(row[0]) if row else 0


def _say(*lines: str, error: bool = False) -> None:
    (sys.stderr if error else sys.stdout).writelines(f"{shown(line)}\n" for line in lines)
