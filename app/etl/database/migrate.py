"""Prepara la base de datos: esquemas y papeles (`sql/init.sql`), contraseñas y tablas (Alembic).

`migrate` lo hace todo; `ensure_ready`, solo si hace falta, y es lo que llama `etl run`. Las migraciones escritas se
leen sin ejecutarlas: cargar Alembic tarda, y casi siempre basta con saber cuál es la última.
"""

import ast
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from etl.database.connection import LOADER, OWNER, Connection, connect
from etl.errors import DatabaseUnavailable, UsageError, blamed
from etl.reader import order
from etl.settings import Settings

READER = "lector"
# Dos migraciones a la vez se pisarían: la segunda espera a la primera.
LOCK = "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended('etl.database.migrate', 0))"


@dataclass(frozen=True)
class Revision:
    """Una migración: su archivo y las que van justo antes; son dos si une dos caminos."""

    path: Path
    parents: tuple[str, ...]


def versions_folder(settings: Settings) -> Path:
    return settings.sql_dir / "migrations" / "versions"


def revisions(settings: Settings) -> dict[str, Revision]:
    """Las migraciones, por su nombre. Lanza `UsageError` si una no se entiende o dos se llaman igual."""
    found: dict[str, Revision] = {}
    folder = versions_folder(settings)
    for path in sorted(folder.glob("*.py")):
        with blamed("La migración", folder, path):
            said = _assigned(path)
        name, before = said.get("revision"), said.get("down_revision") or ()
        if not isinstance(name, str):
            continue
        if name in found:
            raise UsageError(
                f"«{found[name].path.name}» y «{path.name}» son la misma migración, «{name}».",
                "Cambie «revision» en la que aún no haya aplicado (y el nombre del archivo), y repita la orden.",
            )
        found[name] = Revision(path, (before,) if isinstance(before, str) else tuple(before))
    return found


def _assigned(path: Path) -> dict[str, Any]:
    """Los valores de `revision` y `down_revision`; el resto del archivo no se mira."""
    said: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target, value = node.targets[0] if isinstance(node, ast.Assign) else node.target, node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=False))
            for name, its in pairs:
                if ast.unparse(name) in ("revision", "down_revision"):
                    said[ast.unparse(name)] = ast.literal_eval(its)
    return said


def heads(known: dict[str, Revision]) -> list[str]:
    """Las migraciones de las que no sale ninguna: una, salvo que se junten las de dos personas."""
    parents = {parent: one.path for one in known.values() for parent in one.parents}
    for name in parents.keys() - known.keys():
        raise UsageError(
            f"Falta el archivo de la migración «{name}», a la que sigue «{parents[name].name}».",
            f"Si se aplicó, {order('revision')} lo recupera; si no, recupérelo de git.",
        )
    return sorted(known.keys() - parents.keys())


def last_known(known: dict[str, Revision], applied: str | None) -> str:
    """La última migración. Lanza `UsageError` si hay dos, o si la que dice la base de datos no está escrita."""
    last = heads(known)
    if len(last) > 1:
        files = " y ".join(f"«{known[name].path.name}»" for name in last)
        raise UsageError(f"Hay {len(last)} migraciones finales: {files}.", f"Únalas: {order('revision')}")
    if applied is not None and applied not in known:
        raise UsageError(
            f"La migración «{applied}» está aplicada en la base de datos, pero falta su archivo en"
            " sql/migrations/versions.",
            f"Recupérelo: {order('revision')}. (Para deshacerla no se borra: se cambia la declaración.)",
        )
    return last[0]


def migrate(settings: Settings) -> str:
    """Lleva la base de datos a la última versión y la devuelve; repetirlo no cambia nada.

    Lanza `DatabaseUnavailable` si el usuario no puede crear papeles y nadie los creó antes; `UsageError` si
    hay dos últimas, falta el archivo de una aplicada o una falla.
    """
    known = revisions(settings)
    with connect(settings) as connection:
        _wait_for_other_migration(connection)
        last = last_known(known, version(connection))
        if _may_administer(connection):
            connection.execute((settings.sql_dir / "init.sql").read_bytes())
            set_password(connection, LOADER, settings.loader_password)
            set_password(connection, READER, settings.reader_password)
        upgrade(settings, "head")
        _save(settings, known)
    return last


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
    import sqlalchemy as sa

    try:
        with blamed("La migración", versions_folder(settings)):
            yield
    except UsageError as error:
        cause = error.__cause__
        if isinstance(cause, sa.exc.DBAPIError) and isinstance(cause.orig, errors.InsufficientPrivilege):
            raise _not_prepared(settings, str(cause.orig)) from cause
        if isinstance(cause, sa.exc.DBAPIError) and isinstance(cause.orig, errors.LockNotAvailable):
            raise DatabaseUnavailable(
                "No se puede migrar: otra sesión está usando una de las tablas.",
                "Espere a que acabe la carga en marcha y repita; no se cambió nada.",
            ) from cause
        raise


def _save(settings: Settings, known: dict[str, Revision]) -> None:
    """Guarda el texto de las migraciones aplicadas, por si se borra alguna; solo el dueño puede cambiarlo."""
    with connect(settings, role=OWNER) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO etl.migrations VALUES (%s, %s, %s)"
            " ON CONFLICT (revision) DO UPDATE SET file = excluded.file, source = excluded.source",
            [(name, one.path.name, one.path.read_text(encoding="utf-8")) for name, one in known.items()],
        )


def alembic_config(settings: Settings) -> Any:
    """La configuración de Alembic, con la conexión que decide `settings`."""
    from alembic.config import Config

    config = Config(settings.sql_dir / "alembic.ini")
    config.attributes["settings"] = settings
    return config


def ensure_ready(settings: Settings) -> None:
    """Deja la base de datos lista para cargar; si ya lo está, cuesta una consulta.

    Si no puede, espera a que otro lo haga durante `migration_seconds`; hasta entonces tampoco vale la contraseña.
    """
    deadline = time.monotonic() + settings.migration_seconds
    while True:
        try:
            return _ensure_ready(settings)
        except DatabaseUnavailable:
            if time.monotonic() >= deadline:
                raise
        time.sleep(1)


def _ensure_ready(settings: Settings) -> None:
    with connect(settings) as connection:
        found = version(connection)
        last = last_known(revisions(settings), found)
        if found == last:
            return
        if not _may_administer(connection):
            raise _not_prepared(settings, f"está en la versión {found or 'ninguna'} y hace falta la {last}")
    migrate(settings)


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
        "Ejecute «etl migrate» con un usuario que pueda crear papeles (en Docker: docker compose run --rm migrate).",
    )
