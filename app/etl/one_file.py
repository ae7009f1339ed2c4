"""Un archivo, una transacción: sus filas, sus rechazos y su apunte entran juntos o no entra nada.

Entra un archivo con su tabla y sale un `FileResult`. Lo llama `pipeline.py` por cada archivo.
Si se corta la conexión, se mira en el libro de cargas si el COMMIT llegó a hacerse antes de
repetir: nunca se repite a ciegas.
"""

import time
from dataclasses import replace
from functools import partial

import psycopg
import pyarrow as pa
from psycopg import errors

from etl import known_file
from etl.database.connection import LOADER, Connection, reconnect
from etl.dialect import Dialect
from etl.errors import EtlError, FileFailed, FileRefused, unexpected
from etl.extract.source import Source, opened
from etl.job import Job, LoadRows, Progress, Session, Work
from etl.load import ledger, versions
from etl.load.ledger import Counts, Entry
from etl.result import FileResult
from etl.schema import Target

# Una conexión que se corta tres veces en el mismo archivo no es mala suerte.
ATTEMPTS = 3
# Otra carga de la misma tabla puede tardar; más de diez minutos es que está parada.
OTHER_LOADER_SECONDS = 600


def load_file(
    session: Session,
    source: Source,
    target: Target,
    dialect: Dialect,
    work: Work | None = None,
    engine: str | None = None,
) -> FileResult:
    """Carga un archivo y cuenta qué fue de él; un archivo malo no es una excepción.

    `work` es lo que se hace dentro de la transacción; por omisión, cargar en la tabla declarada.
    `engine`: el motor que figura en el libro, si no es el de la sesión.
    """
    started = time.monotonic()
    result = FileResult(source.name, target.table, target.name, "loaded")
    entry = Entry(session.run_id, source.name, target.name, engine or session.engine, 0, source.inside)
    try:
        with opened(source) as file:
            entry = replace(entry, bytes=file.size)
        load = work or partial(load_declared, load_rows=session.load_rows)
        _load_or_retry(session, Job(source, target, dialect, entry, load), result)
    except (FileRefused, FileFailed) as error:
        _give_up(session, entry, result, error)
    except EtlError:  # la base de datos o el clúster: ningún otro archivo podría cargarse
        raise
    except Exception as error:  # noqa: BLE001 - un archivo que rompe el programa no impide cargar los demás
        _give_up(session, entry, result, unexpected(error))
    except KeyboardInterrupt:
        result.status, result.reason = "failed", "Se interrumpió la carga; no quedó nada de ella."
        _record_failure(session, entry, result)
        raise
    result.bytes, result.seconds = entry.bytes, time.monotonic() - started
    return result


def _give_up(session: Session, entry: Entry, result: FileResult, error: FileRefused | FileFailed) -> None:
    result.status = "refused" if isinstance(error, FileRefused) else "failed"
    result.reason, result.counts = str(error), Counts()
    _record_failure(session, entry, result)


def _record_failure(session: Session, entry: Entry, result: FileResult) -> None:
    try:
        ledger.record_failure(session.connection, entry, result.status, result.reason or "")
    except psycopg.Error:
        session.connection = reconnect(session.settings, session.connection, LOADER)
        ledger.record_failure(session.connection, entry, result.status, result.reason or "")


def _load_or_retry(session: Session, job: Job, result: FileResult) -> None:
    """Carga el archivo; si se corta la conexión, vuelve a conectar y lo repite desde el principio."""
    for attempt in range(1, ATTEMPTS + 1):
        result.warnings = []
        try:
            with session.connection.transaction():
                job.work(session.connection, session.progress, job, result)
            return
        except psycopg.Error as error:
            if not session.connection.closed:
                raise _failure(error) from error
            session.connection = reconnect(session.settings, session.connection, LOADER)
            if _was_committed(session.connection, job, result):
                return
            if attempt == ATTEMPTS:
                raise FileFailed(
                    f"La conexión se cortó {ATTEMPTS} veces: {error}.",
                    "Revise el servidor y repita la carga.",
                ) from error
        except (MemoryError, RuntimeError, pa.ArrowException) as error:
            if not _is_out_of_memory(error):
                raise
            raise FileFailed(
                "No hay memoria suficiente.", "Cierre otros programas o suba el límite del contenedor."
            ) from error


def _is_out_of_memory(error: Exception) -> bool:
    """Sin memoria tampoco se puede crear un hilo, y eso lo dicen Python y Arrow cada uno a su manera."""
    words = ("can't start new thread", "Failed to launch worker thread")
    return isinstance(error, MemoryError) or any(text in str(error) for text in words)


def _was_committed(connection: Connection, job: Job, result: FileResult) -> bool:
    """Si la carga que perdió la conexión llegó a confirmarse."""
    if job.load_id is None:
        return False
    with connection.transaction():
        # Mientras la sesión perdida siga viva tiene este cerrojo: esperarlo es esperar su final.
        lock_table(connection, job.target.name)
        counts = ledger.outcome(connection, job.load_id, job.entry.run_id)
    if counts:
        result.counts = counts
    return counts is not None


def load_declared(
    connection: Connection, progress: Progress, job: Job, result: FileResult, load_rows: LoadRows
) -> None:
    """La transacción entera de un archivo declarado, sin el COMMIT."""
    lock_table(connection, job.target.name)
    with opened(job.source) as file:
        known = known_file.find_known(connection, job)
        if known and versions.is_complete(connection, job.target, known):
            known_file.skip(connection, job, result, known)
            return
        known_file.defer_references(connection, job.target)
        if known:
            job.load_id = known.load_id
            versions.reopen(connection, job.target, job.entry, known.load_id)
        else:
            job.load_id = ledger.begin(connection, job.entry)
        retired = versions.retire_previous(connection, job.target, job.entry, job.load_id)
        result.status = "loaded"
        result.counts, sha256 = load_rows(connection, progress, job, file, result)
        if retired:
            known_file.settle_removed(connection, job, result, reopened=known is not None)
        elif known:
            known_file.check_references(connection, job.target)
        ledger.finish(connection, job.load_id, sha256, result.counts, result.encoding, result.warnings)


def lock_table(connection: Connection, table: str) -> None:
    """Una carga por tabla cada vez: la segunda espera y luego ve lo que hizo la primera."""
    deadline = time.monotonic() + OTHER_LOADER_SECONDS
    while not connection.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (table,)
    ).fetchone()[0]:  # type: ignore[index]
        if time.monotonic() > deadline:
            raise FileFailed(f"Otra carga de {table} sigue en marcha.", "Espere a que acabe y repita.")
        time.sleep(0.1)


def _failure(error: psycopg.Error) -> FileFailed:
    """El fallo de una sentencia, en palabras y con su siguiente paso."""
    match error:
        case errors.LockNotAvailable():
            return FileFailed(
                "La tabla está bloqueada por otra sesión.",
                "Búsquela en pg_stat_activity, ciérrela y repita la carga.",
            )
        case errors.DiskFull():
            return FileFailed("El disco de la base de datos está lleno.", "Libere espacio y repita la carga.")
        case errors.OutOfMemory():
            return FileFailed(
                "El servidor se quedó sin memoria.", "Ciérrele otras sesiones o suba su límite."
            )
        case errors.QueryCanceled():
            return FileFailed("El servidor tardó demasiado en una sentencia.", "Suba DB_STATEMENT_SECONDS.")
        case errors.InsufficientPrivilege() | errors.UndefinedTable() | errors.UndefinedColumn():
            return FileFailed(
                f"La base de datos no está preparada: {error}.", "Ejecute «etl migrate» con el usuario dueño."
            )
        case _:
            return FileFailed(
                f"PostgreSQL rechazó la carga: {str(error).strip()}.",
                "Si persiste, es un error de este programa.",
            )
