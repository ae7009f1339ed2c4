"""La base de datos que usa la orden `etl`: si se llega a ella (error 3) y si está al día."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from psycopg import errors

from etl.database import migrate
from etl.database.connection import LOADER, LOCAL, OWNER, Connection, connect
from etl.errors import DatabaseUnavailable, EtlError
from etl.load.marts import SCHEMA, SEARCH_PATH, create, each, select
from etl.parts import Parts
from etl.reader import order
from etl.settings import Settings
from extras.doctor.finding import Finding, bad, ok
from extras.revision.revise import differ
from extras.revision.written import heads, last_known, revisions
from extras.settings import with_server


def database(settings: Settings, parts: Parts, inside: bool) -> Iterator[Finding]:
    """Conecta una vez, sin insistir, y mira la versión de las tablas."""
    if inside and (not settings.db_host or settings.db_host in LOCAL):
        itself = f"DB_HOST vale «{settings.db_host}», que dentro de un contenedor es él mismo: ahí no hay PostgreSQL"
        told = itself if settings.db_host else "falta DB_HOST"
        yield bad("conexión", told, "DB_HOST=postgres   (el nombre del servicio)")
        return
    try:
        ready = with_server(replace(settings, connect_seconds=2))
        with connect(ready) as connection:
            version = connection.info.server_version // 10_000
            found = migrate.version(connection)
    except EtlError as error:
        yield _unreachable(settings, error, parts, inside)
        return
    own = "la propia, en .local/" if settings.db_host is None else f"{settings.db_host}:{settings.db_port}"
    yield ok("conexión", f"PostgreSQL {version} ({own}) responde a «{settings.db_user}»")
    yield _migrations(settings, found)


def _unreachable(settings: Settings, error: EtlError, parts: Parts, inside: bool) -> Finding:
    if not inside and settings.db_host == "postgres":
        return bad(
            "conexión",
            "DB_HOST vale «postgres», un nombre que solo existe dentro de la red de Docker",
            "en .env, DB_HOST=localhost   (o vacío, para usar la base de datos propia)",
        )
    return bad("conexión", error.message, error.hint or next(iter(parts.explain(error.message)), ""))


def _migrations(settings: Settings, found: str | None) -> Finding:
    try:
        wanted = last_known(revisions(settings), found)
    except EtlError as error:
        return bad("migraciones", error.message, error.hint)
    if found == wanted:
        return ok("migraciones", f"las tablas están en la versión {wanted}, la del código")
    fix = order("migrate")
    if found is None:
        return bad("migraciones", "la base de datos está sin estrenar: no tiene tablas", fix)
    return bad("migraciones", f"las tablas están en la versión {found} y el código espera la {wanted}", fix)


def written_here(settings: Settings) -> Iterator[Finding]:
    """Si las tablas son como se declaran y los marts se entienden; nada, si no se llega a la base de datos."""
    try:
        ready = with_server(replace(settings, connect_seconds=2))
        with connect(ready, role=LOADER) as connection:
            if migrate.version(connection) not in heads(revisions(settings)):
                return
            waiting: list[str] = []
            _, wrong = each(settings.sql_dir / "marts", partial(_try_mart, connection, waiting))
            # Solo el dueño ve las tablas como son: en los contenedores, que entran como cargador, lo es `migrate`.
            asked = connection.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", (ready.db_user, OWNER))
            owner = asked.fetchone()
    except EtlError:  # ya se dijo al conectar
        return
    try:
        if owner and owner[0] and differ(replace(ready, lock_seconds=1)):
            told = "las tablas no son como se declaran: falta una migración"
            yield bad("declaraciones", told, order("revision"))
    except EtlError as error:
        # Si una carga tiene sus tablas, no se mira.
        if not isinstance(error, DatabaseUnavailable):
            yield bad("declaraciones", error.message, error.hint)
    yield from (bad("marts", one, f"Corríjalo y repita: {order('run')}") for one in wrong)
    yield from (ok("marts", one) for one in waiting)


def _try_mart(connection: Connection, waiting: list[str], path: Path) -> bool:
    """Crea el mart sin datos y lo deshace: solo para ver si se entiende. Si una carga tiene sus tablas, no se mira."""
    with suppress(errors.LockNotAvailable), connection.transaction(force_rollback=True):
        connection.execute(f"{SEARCH_PATH}; SET LOCAL lock_timeout = '200ms'")
        try:
            connection.execute(create(path.stem, f"{select(path)}\nWITH NO DATA"))
        except errors.UndefinedTable as error:
            told = error.diag.message_primary or ""
            if f'"{SCHEMA}.' not in told:  # otro mart lo hará la próxima carga
                waiting.append(f"sql/marts/{path.name} no se hará mientras falte lo que lee: {told}")
            raise
    return False
