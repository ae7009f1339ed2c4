"""Prepara la base de datos: esquemas y papeles (`sql/init.sql`), contraseñas y tablas (Alembic).

`migrate` lo hace todo; `ensure_ready`, solo si hace falta, y es lo que llama `etl run`: cargar Alembic tarda, y casi
siempre basta con saber qué archivos se aplicaron. `Check` mira antes las migraciones escritas, y lanza `UsageError` si
algo está mal en ellas; sin él lo dice Alembic, con sus palabras.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from etl.database.connection import LOADER, OWNER, Connection, connect
from etl.errors import DatabaseUnavailable, UsageError, blamed
from etl.reader import OWNER_SERVICE, order
from etl.settings import Settings

READER = "lector"
# Dos migraciones a la vez se pisarían: la segunda espera a la primera.
LOCK = "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended('etl.database.migrate', 0))"
# Lanza `UsageError` si con las migraciones escritas no se puede migrar, o si hay que revisar antes una de los archivos
# que se le dan: los que se van a aplicar sin que nadie lo haya pedido.
Check = Callable[[Settings, Connection, Collection[str]], None]


def unchecked(_settings: Settings, _connection: Connection, _unasked: Collection[str]) -> None:
    pass


def versions_folder(settings: Settings) -> Path:
    return settings.sql_dir / "migrations" / "versions"


def migrate(settings: Settings, check: Check = unchecked) -> str:
    """Lleva la base de datos a la última versión y la devuelve; repetirlo no cambia nada.

    Lanza `DatabaseUnavailable` si el usuario no puede crear papeles y nadie los creó antes; `UsageError` si
    las migraciones están mal escritas o una falla.
    """
    with connect(settings) as connection:
        _wait_for_other_migration(connection)
        check(settings, connection, ())
        if _may_administer(connection):
            connection.execute((settings.sql_dir / "init.sql").read_bytes())
            set_password(connection, LOADER, settings.loader_password)
            set_password(connection, READER, settings.reader_password)
        upgrade(settings, "head")
        _save(settings)
        return version(connection) or ""


def _wait_for_other_migration(connection: Connection) -> None:
    try:
        connection.execute(LOCK)
    except errors.LockNotAvailable as error:
        raise DatabaseUnavailable("Otra migración está en marcha.", "Espere a que acabe y repita la orden.") from error


def upgrade(settings: Settings, revision: str) -> None:
    """Aplica las migraciones hasta `revision` como dueño de las tablas: todas o ninguna."""
    from alembic import command  # tarda en importarse y casi nunca hace falta

    with explained(settings):
        command.upgrade(alembic_config(settings), revision)


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Lo que falle al ejecutar una migración es de quien la escribió, y se dice como suyo."""
    try:
        with blamed("La migración", versions_folder(settings)):
            yield
    except UsageError as error:
        cause = getattr(error.__cause__, "orig", None)  # lo que dijo PostgreSQL
        if isinstance(cause, errors.InsufficientPrivilege):
            raise _not_prepared(settings, str(cause)) from error.__cause__
        if isinstance(cause, errors.LockNotAvailable):
            raise DatabaseUnavailable(
                "No se puede migrar: otra sesión está usando una de las tablas.",
                "Espere a que acabe la carga en marcha y repita; no se cambió nada.",
            ) from error.__cause__
        raise


def _save(settings: Settings) -> None:
    """Guarda el texto de las migraciones aplicadas, por si se borra alguna; solo el dueño puede cambiarlo."""
    from alembic.script import ScriptDirectory

    written = ScriptDirectory.from_config(alembic_config(settings)).walk_revisions()
    saved = [(one.revision, Path(one.path).name, Path(one.path).read_text(encoding="utf-8")) for one in written]
    with connect(settings, role=OWNER) as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM etl.migrations")
        cursor.executemany("INSERT INTO etl.migrations VALUES (%s, %s, %s)", saved)


def alembic_config(settings: Settings) -> Any:
    """La configuración de Alembic, con la conexión que decide `settings`."""
    from alembic.config import Config

    config = Config(settings.sql_dir / "alembic.ini")
    config.attributes["settings"] = settings
    return config


def ensure_ready(settings: Settings, check: Check = unchecked) -> None:
    """Deja la base de datos lista para cargar; si ya lo está, cuesta una consulta.

    Si no puede, espera a que otro lo haga durante `migration_seconds`; hasta entonces tampoco vale la contraseña.
    """
    deadline = time.monotonic() + settings.migration_seconds
    while True:
        try:
            return _ensure_ready(settings, check)
        except DatabaseUnavailable:
            if time.monotonic() >= deadline:
                raise
        time.sleep(1)


def _ensure_ready(settings: Settings, check: Check) -> None:
    with connect(settings) as connection:
        # Un __init__.py, que lo pone algún editor, no es una migración.
        written = {path.name for path in versions_folder(settings).glob("*.py") if path.name != "__init__.py"}
        missing = written ^ _applied(connection)
        if not missing:
            return
        check(settings, connection, missing)
        if not _may_administer(connection):
            raise _not_prepared(settings, f"falta aplicar {', '.join(sorted(missing))}")
    migrate(settings, check)


def _applied(connection: Connection) -> set[str]:
    """Los archivos de las migraciones aplicadas; ninguno, si la base de datos está sin estrenar."""
    try:
        return {file for (file,) in connection.execute("SELECT file FROM etl.migrations")}
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return set()


def version(connection: Connection) -> str | None:
    """La migración aplicada, o `None` si la base de datos está sin estrenar."""
    if not connection.execute("SELECT to_regclass('etl.alembic_version')").fetchone()[0]:  # type: ignore[index]
        return None
    row = connection.execute("SELECT version_num FROM etl.alembic_version").fetchone()
    return row[0] if row else None


def _may_administer(connection: Connection) -> bool:
    row = connection.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = session_user").fetchone()
    return bool(row and row[0])


def set_password(connection: psycopg.Connection[Any], role: str, password: str) -> None:
    """Pone la contraseña. Viaja ya cifrada: el registro del servidor puede guardar la sentencia."""
    cipher = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(cipher)))


def _not_prepared(settings: Settings, detail: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"La base de datos «{settings.db_name}» no está preparada: {detail}.",
        f"Ejecute «{order('migrate')}» con un usuario que pueda crear papeles (en Docker: {OWNER_SERVICE}).",
    )
