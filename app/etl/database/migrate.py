"""Prepara la base de datos: esquemas y papeles (`sql/init.sql`), contraseñas y tablas (Alembic).

`migrate` lo hace todo; `ensure_ready`, solo si hace falta, y es lo que llama `etl run`.
"""

from argparse import Namespace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from etl.database.connection import LOADER, Connection, connect
from etl.errors import DatabaseUnavailable
from etl.settings import Settings

READER = "lector"
# Dos migraciones a la vez se pisarían: la segunda espera a la primera.
LOCK = "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended('etl.database.migrate', 0))"


def migrate(settings: Settings) -> str:
    """Lleva la base de datos a la última versión y la devuelve; repetirlo no cambia nada.

    Lanza `DatabaseUnavailable` si el usuario no puede crear papeles y nadie los creó antes.
    """
    with connect(settings) as connection:
        _wait_for_other_migration(connection)
        if _may_administer(connection):
            connection.execute((settings.sql_dir / "init.sql").read_bytes())
            set_password(connection, LOADER, settings.loader_password)
            set_password(connection, READER, settings.reader_password)
        upgrade(settings, "head")
    return head(settings)


def _wait_for_other_migration(connection: Connection) -> None:
    try:
        connection.execute(LOCK)
    except errors.LockNotAvailable as error:
        raise DatabaseUnavailable(
            "Otra migración está en marcha.", "Espere a que acabe y repita la orden."
        ) from error


def upgrade(settings: Settings, revision: str) -> None:
    """Aplica las migraciones hasta `revision` como dueño de las tablas."""
    import sqlalchemy as sa  # tardan en importarse y casi nunca hacen falta
    from alembic import command

    try:
        command.upgrade(alembic_config(settings), revision)
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, errors.InsufficientPrivilege):
            raise _not_prepared(settings, str(error.orig)) from error
        if isinstance(error.orig, errors.LockNotAvailable):
            raise DatabaseUnavailable(
                "No se puede migrar: otra sesión está usando una de las tablas.",
                "Espere a que acabe la carga en marcha y repita; no se cambió nada.",
            ) from error
        raise


def write_revision(settings: Settings, message: str) -> Path | None:
    """Escribe la migración que lleva las tablas a lo que se declara ahora; `None` si ya son así.

    La base de datos tiene que estar al día.
    """
    from alembic import command

    config = alembic_config(settings)
    config.cmd_opts = Namespace(quiet=True)  # su «Generating...» no le dice nada a quien lee
    script: Any = command.revision(config, message, autogenerate=True)
    return Path(script.path) if script else None


def alembic_config(settings: Settings) -> Any:
    """La configuración de Alembic, con la conexión que decide `settings`."""
    from alembic.config import Config

    config = Config(settings.sql_dir / "alembic.ini")
    config.attributes["settings"] = settings
    return config


def ensure_ready(settings: Settings) -> None:
    """Deja la base de datos lista para cargar; si ya lo está, cuesta una consulta."""
    with connect(settings) as connection:
        found = version(connection)
        if found == head(settings):
            return
        if not _may_administer(connection):
            raise _not_prepared(
                settings, f"está en la versión {found or 'ninguna'} y hace falta la {head(settings)}"
            )
    migrate(settings)


def version(connection: Connection) -> str | None:
    """La migración aplicada, o `None` si la base de datos está sin estrenar."""
    if not connection.execute("SELECT to_regclass('etl.alembic_version')").fetchone()[0]:  # type: ignore[index]
        return None
    row = connection.execute("SELECT version_num FROM etl.alembic_version").fetchone()
    return row[0] if row else None


def head(settings: Settings) -> str:
    """La última migración. Su número empieza el nombre del archivo: no hace falta cargar Alembic."""
    return max(path.name.split("_")[0] for path in _revisions(settings.sql_dir))


def _revisions(sql_dir: Path) -> list[Path]:
    return [path for path in (sql_dir / "migrations" / "versions").glob("*.py") if path.name[0].isdigit()]


def _may_administer(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = session_user"
    ).fetchone()
    return bool(row and row[0])


def set_password(connection: psycopg.Connection[Any], role: str, password: str) -> None:
    """Pone la contraseña. Viaja ya cifrada: el registro del servidor puede guardar la sentencia."""
    cipher = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(cipher)))


def _not_prepared(settings: Settings, detail: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"La base de datos «{settings.db_name}» no está preparada: {detail}.",
        "Ejecute «etl migrate» con un usuario que pueda crear papeles (en Docker: docker compose run --rm migrate).",
    )
