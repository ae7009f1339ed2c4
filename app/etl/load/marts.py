"""Rehace los marts: una tabla por archivo de `sql/marts/`, con lo que devuelve su SELECT.

Se llaman al acabar de cargar. Cada uno se rehace en una transacción: quien consulta ve el de
antes o el nuevo, nunca la tabla vacía. Su comentario dice de qué carga y de qué SELECT salió: si
una ejecución se cortó antes de llegar aquí, o alguien cambió el SELECT, lo nota la siguiente.
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

# Hasta dónde se vio: cuántas cargas hubo, cuántas reemplazó otra y cuántas se repitieron. Cualquier
# cambio de los datos cambia alguno de los tres.
LOADS = (
    "SELECT concat_ws('/', count(*), count(*) FILTER (WHERE status = 'replaced'), sum(reloads))"
    " FROM etl.loads WHERE status IN ('loaded', 'replaced')"
)


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
    mart = sql.Identifier(SCHEMA, path.stem)
    text = select(path)
    try:
        with connection.transaction():
            lock(connection, path.stem)
            connection.execute(SEARCH_PATH)
            # Se mira antes que los datos: una carga que acabe entretanto hará rehacerlo otra vez.
            mark = _mark(connection, text)
            if _comment(connection, path.stem) == mark:
                return False
            connection.execute(create(path.stem, text))
            swap_in(connection, path.stem)
            connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(mart, sql.Literal(mark)))
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


def _mark(connection: Connection[Any], text: str) -> str:
    loads = connection.execute(LOADS).fetchone()
    assert loads is not None
    return f"Tras {loads[0]} cargas; SELECT {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _comment(connection: Connection[Any], mart: str) -> str | None:
    query = "SELECT obj_description(to_regclass(format('%%I.%%I', %s::text, %s::text)), 'pg_class')"
    row = connection.execute(query, (SCHEMA, mart)).fetchone()
    return row[0] if row else None
