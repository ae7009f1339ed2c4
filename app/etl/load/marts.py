"""Rehace los marts: una tabla por archivo de `sql/marts/`, con lo que devuelve su SELECT.

Se llaman al acabar de cargar. Cada uno se rehace en una transacción: quien consulta ve el de antes o el nuevo, nunca
la tabla vacía. Qué hacer con los que no han cambiado lo puede decir otro (`Renew`).
"""

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
# Lo que lleva en un comentario el mart que se puede poner al día por grupos.
GROUPED = "-- Por grupos de"
# Pone al día un mart, por su archivo, en la transacción abierta; dice si ha cambiado.
Renew = Callable[[Connection[Any], Path], bool]


def rebuild(connection: Connection[Any], path: Path) -> bool:
    """Hace un mart entero con lo que devuelve su SELECT, en la transacción que esté abierta."""
    name, text = path.stem, select(path)
    connection.execute(create(name, text), binary=True)  # así, dos sentencias en un mart no valen
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(building(name), description(text)))
    swap_in(connection, name)
    return True


def refresh_marts(connection: Connection[Any], folder: Path, renew: Renew = rebuild) -> tuple[list[str], list[str]]:
    """Pone al día los marts; devuelve los nombres de los que han cambiado, y qué les pasa a los que están mal escritos.

    Uno malo no impide rehacer los demás. Pasa por alto los de tablas que no existen. Lanza
    `DatabaseUnavailable` si alguien los bloquea.
    """
    return each(folder, partial(_refresh, connection, renew))


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
            if isinstance(error.__context__, KeyboardInterrupt):  # como en one_file.py
                raise KeyboardInterrupt from error
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


def _refresh(connection: Connection[Any], renew: Renew, path: Path) -> bool:
    try:
        with connection.transaction():
            lock(connection, path.stem)
            connection.execute(SEARCH_PATH)
            return renew(connection, path)
    except errors.LockNotAvailable as error:
        raise DatabaseUnavailable(
            f"No se puede rehacer {SCHEMA}.{path.stem}: otra sesión lo tiene bloqueado, o una tabla que lee.",
            "Los datos están cargados. Si otra carga está en marcha, espere a que acabe; si no, cierre esa sesión"
            f" (pg_stat_activity). Después repita «{order('run')}»: rehará lo que falte.",
        ) from error


# Lo que sigue lo usan también los trabajos de Spark (spark/jobs), que hacen un mart con lo que calcula un clúster.


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
