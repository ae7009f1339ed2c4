"""Rehace los marts: una tabla por archivo de `sql/marts/`, con lo que devuelve su SELECT.

Se llaman al acabar de cargar. Cada uno se rehace en una transacción: quien consulta ve el de antes o el nuevo, nunca
la tabla vacía. El registro (`etl.marts`) dice de qué SELECT salió, qué tablas lee y qué cargas de ellas había: solo se
rehace si algo de eso cambió, y si una ejecución se cortó antes de llegar aquí, lo nota la siguiente.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import Connection, errors, sql

from etl.errors import DatabaseUnavailable

SCHEMA = "marts"
SEARCH_PATH = "SET LOCAL search_path = pg_catalog, datos"
# Lo que falla por cómo está escrito el mart, y no por la base de datos.
ITS_AUTHORS = (errors.ProgrammingError, errors.DataError, errors.NotSupportedError, UnicodeDecodeError)

# Hasta dónde se vio cada tabla: cuántas cargas hubo y qué transacciones escribieron sus apuntes. Quien cambia las filas
# de una carga cambia también su apunte.
LOADS = (
    "SELECT table_name, concat_ws('/', count(*), sum(xmin::text::bigint))"
    " FROM etl.loads WHERE status IN ('loaded', 'replaced') GROUP BY 1 ORDER BY 1"
)
# De qué dependen una vista y las que ella lee; sin nombre, lo que no es una tabla: una función que no es de PostgreSQL...
READS = """
WITH RECURSIVE used (class, id) AS (
  SELECT 'pg_class'::regclass::oid, 'pg_temp.etl_mart'::regclass::oid
  UNION
  SELECT d.refclassid, d.refobjid
  FROM used JOIN pg_rewrite AS r ON class = 'pg_class'::regclass AND r.ev_class = id
  JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
)
SELECT DISTINCT CASE WHEN c.relkind IN ('r', 'p') THEN relnamespace::regnamespace || '.' || relname END
FROM used LEFT JOIN pg_class AS c ON class = 'pg_class'::regclass AND c.oid = id
WHERE class IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass) AND c.relkind IS DISTINCT FROM 'v'
"""


def refresh_marts(connection: Connection[Any], folder: Path) -> tuple[list[str], list[str]]:
    """Rehace los marts que no están al día; devuelve sus nombres, y qué les pasa a los que están mal escritos.

    Uno malo no impide rehacer los demás. Pasa por alto los de tablas que no existen. Lanza
    `DatabaseUnavailable` si alguien los bloquea.
    """
    return each(folder, partial(_refresh, connection))


def each(folder: Path, work: Callable[[Path], bool]) -> tuple[list[str], list[str]]:
    """Los marts en que `work` hizo algo, y qué les pasa a los que están mal escritos."""
    done: list[str] = []
    wrong: list[str] = []
    for path in sorted(folder.glob("*.sql")):
        try:
            done += [path.stem] if work(path) else []
        except errors.UndefinedTable:
            pass
        except ITS_AUTHORS as error:
            wrong.append(_blamed(path, error))
    return done, wrong


def _blamed(path: Path, error: Exception) -> str:
    """El fallo de un mart, dicho a quien lo escribió: archivo, línea y causa."""
    if not isinstance(error, errors.Error):
        return f"sql/marts/{path.name}: no está en UTF-8: guárdelo con esa codificación"
    position, line = error.diag.statement_position, ""
    if position:
        before = int(position) - 1 - len(create(path.stem, "").as_string())
        line = f", línea {path.read_text(encoding='utf-8')[:before].count(chr(10)) + 1}"
    return f"sql/marts/{path.name}{line}: {error.diag.message_primary or error}"


def create(name: str, text: str) -> sql.Composed:
    return sql.SQL("CREATE TABLE {} AS {}").format(building(name), sql.SQL(text))


def select(path: Path) -> str:
    return path.read_text(encoding="utf-8").rstrip().rstrip(";")


def _refresh(connection: Connection[Any], path: Path) -> bool:
    text = select(path)
    try:
        with connection.transaction():
            lock(connection, path.stem)
            connection.execute(SEARCH_PATH)
            query = hashlib.sha256(text.encode()).hexdigest()
            # Se mira antes que los datos: una carga que acabe entretanto hará rehacerlo otra vez.
            loads = dict(connection.execute(LOADS).fetchall())
            if _is_current(connection, path.stem, query, loads):
                return False
            connection.execute(create(path.stem, text))
            reads = _reads(connection, text, loads)
            swap_in(connection, path.stem)
            _note(connection, path.stem, query, reads, loads)
    except errors.LockNotAvailable as error:
        raise DatabaseUnavailable(
            f"No se puede rehacer {SCHEMA}.{path.stem}: otra sesión lo tiene bloqueado.",
            "Los datos están cargados. Ciérrela (pg_stat_activity) y repita «etl run»: rehará lo que falte.",
        ) from error
    return True


def lock(connection: Connection[Any], name: str) -> None:
    """Espera a quien esté rehaciendo el mismo mart, y lo reserva hasta que acabe la transacción."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{SCHEMA}.{name}",))


def building(name: str) -> sql.Identifier:
    """La tabla en que se prepara un mart; hasta que acabe la transacción nadie más la ve."""
    return sql.Identifier(SCHEMA, f"{name}__nuevo")


def swap_in(connection: Connection[Any], name: str) -> None:
    """Pone la tabla preparada en el lugar de la anterior, en la transacción que esté abierta."""
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, name)))
    connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(building(name), sql.Identifier(name)))


def _is_current(connection: Connection[Any], name: str, query: str, loads: dict[str, str]) -> bool:
    """Si el mart es el que se hizo con ese SELECT y con lo que hay en las tablas que lee."""
    found = connection.execute(
        "SELECT reads, loads FROM etl.marts WHERE name = %s AND query = %s"
        " AND table_oid = to_regclass(format('%%I.%%I', %s::text, name))",
        (name, query, SCHEMA),
    ).fetchone()
    return found is not None and _seen(found[0], loads) == found[1]


def _seen(reads: list[str] | None, loads: dict[str, str]) -> str:
    """Las cargas de unas tablas, o de todas."""
    return " ".join(f"{table}:{mark}" for table, mark in loads.items() if reads is None or table in reads)


def _reads(connection: Connection[Any], text: str, loads: dict[str, str]) -> list[str] | None:
    """Las tablas que lee un SELECT, según PostgreSQL; `None` si alguna cambia sin que lo diga el libro de cargas."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("CREATE TEMP VIEW etl_mart AS {}").format(sql.SQL(text)))
            reads = [name for (name,) in connection.execute(READS)]
    except ITS_AUTHORS:  # no todo lo que hace una tabla hace una vista
        return None
    return reads if all(name in loads for name in reads) else None


def _note(connection: Connection[Any], name: str, query: str, reads: list[str] | None, loads: dict[str, str]) -> None:
    connection.execute(
        "INSERT INTO etl.marts VALUES (%s, to_regclass(format('%%I.%%I', %s::text, %s::text)), %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET table_oid = excluded.table_oid, query = excluded.query,"
        " reads = excluded.reads, loads = excluded.loads",
        (name, SCHEMA, name, query, reads, _seen(reads, loads)),
    )
