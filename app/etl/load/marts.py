"""Rehace los marts: una tabla por archivo de `sql/marts/`, con lo que devuelve su SELECT.

Se llaman al acabar de cargar. Cada uno se rehace en una transacción: quien consulta ve el de antes o el nuevo, nunca
la tabla vacía. El registro (`etl.marts`) dice de qué SELECT salió, qué tablas lee y qué cargas de ellas había: solo se
rehace si algo de eso cambió, y si una ejecución se cortó antes de llegar aquí, lo nota la siguiente.
"""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from psycopg import Connection, errors, sql

from etl.errors import DatabaseUnavailable
from etl.reader import order

SCHEMA = "marts"
SEARCH_PATH = "SET LOCAL search_path = pg_catalog, datos"
# Lo que falla por cómo está escrito el mart, y no por la base de datos.
ITS_AUTHORS = (
    errors.ProgrammingError,
    errors.DataError,
    errors.NotSupportedError,
    errors.QueryCanceled,
    UnicodeDecodeError,
)

# Hasta dónde se vio cada tabla: cuántas cargas hubo y qué transacciones escribieron sus apuntes. Quien cambia las filas
# de una carga cambia también su apunte.
# Un mart puede leer otro, de nombre anterior, que cambia cuando se rehace.
LOADS = (
    "SELECT table_name, concat_ws('/', count(*), sum(xmin::text::bigint))"
    " FROM etl.loads WHERE status IN ('loaded', 'replaced') GROUP BY 1"
    " UNION ALL SELECT 'marts.' || name, md5(concat_ws('/', table_oid, query, loads)) FROM etl.marts ORDER BY 1"
)
# Lo que lleva en un comentario el mart que se puede poner al día por grupos.
GROUPED = "-- Por grupos de"
# Recibe la conexión, un mart, su SELECT y qué tablas cambiaron desde que se hizo (`None`: hay que rehacerlo); dice si lo
# ha puesto al día sin rehacerlo.
ByGroups = Callable[[Connection[Any], str, str, set[str] | None], bool]
# De qué dependen una vista y las que ella lee, y si eso es de las cargas, que puede no haber ninguna aún; sin nombre, lo
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
  EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = '_load_id')
FROM used LEFT JOIN pg_class AS c ON class = 'pg_class'::regclass AND c.oid = id
WHERE class IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass) AND c.relkind IS DISTINCT FROM 'v'
"""


def rebuilt(*_mart: object) -> bool:
    return False


def refresh_marts(
    connection: Connection[Any], folder: Path, by_groups: ByGroups = rebuilt
) -> tuple[list[str], list[str]]:
    """Pone al día los marts que no lo están; devuelve sus nombres, y qué les pasa a los que están mal escritos.

    Uno malo no impide rehacer los demás. Pasa por alto los de tablas que no existen. Lanza
    `DatabaseUnavailable` si alguien los bloquea.
    """
    return each(folder, partial(_refresh, connection, by_groups))


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


def description(text: str) -> str:
    """Qué es un mart, según el comentario con que empieza."""
    lines = takewhile(lambda line: line.startswith("--"), text.splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines if not line.startswith(GROUPED))


def _refresh(connection: Connection[Any], by_groups: ByGroups, path: Path) -> bool:
    text = select(path)
    try:
        with connection.transaction():
            lock(connection, path.stem)
            connection.execute(SEARCH_PATH)
            query = hashlib.sha256(text.encode()).hexdigest()
            # Se mira antes que los datos: una carga que acabe entretanto hará rehacerlo otra vez.
            loads = dict(connection.execute(LOADS).fetchall())
            reads, before = _noted(connection, path.stem, query)
            stale = None if before is None else _seen(reads, loads).items() ^ before.items()
            if before is not None and not stale:
                return False
            known = None if reads is None or stale is None else {table for table, _ in stale}
            apart = before is None or GROUPED in text
            if not (apart and by_groups(connection, path.stem, text, known)):
                connection.execute(create(path.stem, text))
                told = sql.SQL("COMMENT ON TABLE {} IS {}").format(building(path.stem), description(text))
                connection.execute(told)
                reads = _reads(connection, text, loads)
                swap_in(connection, path.stem)
            _note(connection, path.stem, query, reads, loads)
    except errors.LockNotAvailable as error:
        raise DatabaseUnavailable(
            f"No se puede rehacer {SCHEMA}.{path.stem}: otra sesión lo tiene bloqueado, o una tabla que lee.",
            "Los datos están cargados. Si otra carga está en marcha, espere a que acabe; si no, cierre esa sesión"
            f" (pg_stat_activity). Después repita «{order('run')}»: rehará lo que falte.",
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


def _noted(connection: Connection[Any], name: str, query: str) -> tuple[list[str] | None, dict[str, str] | None]:
    """Qué tablas lee el mart que se hizo con ese SELECT, y qué había en ellas; nada, si no se ha hecho."""
    found = connection.execute(
        "SELECT reads, loads::jsonb FROM etl.marts WHERE name = %s AND query = %s AND left(loads, 1) = '{'"
        " AND table_oid = to_regclass(format('%%I.%%I', %s::text, name))",
        (name, query, SCHEMA),
    ).fetchone()
    return found or (None, None)


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


def _note(connection: Connection[Any], name: str, query: str, reads: list[str] | None, loads: dict[str, str]) -> None:
    connection.execute(
        "INSERT INTO etl.marts VALUES (%s, to_regclass(format('%%I.%%I', %s::text, %s::text)), %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET table_oid = excluded.table_oid, query = excluded.query,"
        " reads = excluded.reads, loads = excluded.loads",
        (name, SCHEMA, name, query, reads, json.dumps(_seen(reads, loads))),
    )
