"""Un archivo, una transacción: sus filas, sus rechazos y su apunte entran juntos o no entra nada.

Entra un archivo con su declaración y sale un `FileResult`. Lo llama `pipeline.py` por cada archivo.
Si se corta la conexión, se mira en el libro de cargas si el COMMIT llegó a hacerse antes de
repetir: nunca se repite a ciegas.
"""

import time
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pyarrow as pa

from etl.database.connection import LOADER, Connection, connect
from etl.errors import EtlError, FileFailed, FileRefused, unexpected
from etl.extract.read import read
from etl.extract.source import Opened, Source, opened
from etl.load import ledger, versions
from etl.load.ledger import Load
from etl.local import LoadRows
from etl.parts import Parts
from etl.reader import order
from etl.run import FileResult, Session
from etl.schema import Declared, Table

# Una conexión que se corta tres veces en el mismo archivo no es mala suerte.
ATTEMPTS = 3
# Otra carga de la misma tabla puede tardar; más de diez minutos es que está parada.
OTHER_LOADER_SECONDS = 600

TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"

# Los de PostgreSQL, por su clase en psycopg, dichos en palabras y con su siguiente paso.
FAILURES = Path(__file__).with_name("failures.toml")

# Lo que se hace con un archivo dentro de su transacción, sin el COMMIT.
Work = Callable[[Connection, Load, Opened, FileResult], None]


def load_declared(
    session: Session, source: Source, declared: Declared, load_rows: LoadRows, parts: Parts
) -> FileResult:
    """Carga un archivo en la tabla que se declaró y cuenta qué fue de él."""

    def fill(connection: Connection, load: Load, file: Opened, result: FileResult) -> None:
        """Su transacción: si no está ya, sus filas en lugar de las que reemplaza."""
        version = versions.begin(connection, load, session.again)
        if version.new:
            with read(source, file, declared, parts.reading) as text:
                ledger.describe(connection, load, text.document.header, text.written)
                result.encoding, result.written = text.encoding, text.written
                advance = partial(session.progress, source)
                counts, sha256 = load_rows(connection, load, declared, text, advance)
            result.counts, before = counts, version.reopened or version.replaces
            mended = parts.mend(connection, load, declared, counts) if before else []
            settled, sha256 = versions.settle(connection, load, version), sha256 or file.finish()
            result.warnings = [*mended, *text.warnings, *counts.warnings, *settled]
            ledger.finish(connection, load, sha256, counts, text.encoding, result.warnings)
        else:
            result.skip(then=version.declaration, now=load.declaration)
            result.warnings += versions.settle(connection, load, version)
        result.warnings += parts.declared_now(connection, source.name)

    return load_file(session, source, declared.table, fill, declaration=declared.fingerprint)


def load_file(
    session: Session,
    source: Source,
    table: Table,
    work: Work,
    engine: str | None = None,
    declaration: str | None = None,
) -> FileResult:
    """Hace `work` con un archivo en una transacción y cuenta qué fue de él; uno malo no es una excepción.

    `engine`: el motor que figura en el libro, si no es el de la sesión.
    """
    started = time.monotonic()
    result = FileResult(source.name, table.table, table.name)
    load = Load(session.run_id, engine or session.engine, source, table, declaration=declaration)
    try:
        _commit_once(session, load, result, work)
    except (FileRefused, FileFailed) as error:
        _give_up(session, load, result, error)
    except EtlError:  # la base de datos o el clúster: ningún otro archivo podría cargarse
        raise
    except Exception as error:  # noqa: BLE001 - un archivo que rompe el programa no impide cargar los demás
        _give_up(session, load, result, unexpected(error))
    except KeyboardInterrupt:
        result.fail("failed", "Se interrumpió la carga; no quedó nada de ella.")
        _record_failure(session, load, result)
        raise
    result.seconds = time.monotonic() - started
    return result


def _give_up(session: Session, load: Load, result: FileResult, error: FileRefused | FileFailed) -> None:
    result.fail("refused" if isinstance(error, FileRefused) else "failed", str(error))
    _record_failure(session, load, result)


def _record_failure(session: Session, load: Load, result: FileResult) -> None:
    try:
        ledger.record_failure(session.connection, load, result.status, result.reason or "")
    except psycopg.Error:
        session.connection = connect(session.settings, LOADER, lost=session.connection)
        ledger.record_failure(session.connection, load, result.status, result.reason or "")


def _commit_once(session: Session, load: Load, result: FileResult, work: Work) -> None:
    """Hace el trabajo en una transacción; si se corta la conexión, vuelve a conectar y lo repite desde el principio."""
    for attempt in range(1, ATTEMPTS + 1):
        result.warnings = []
        try:
            with session.connection.transaction():
                lock(session.connection, load.table)
                with opened(load.source) as file:
                    load.bytes = result.bytes = file.size
                    work(session.connection, load, file, result)
            return
        except psycopg.Error as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # psycopg la tapa si llega al abrir un SAVEPOINT
                raise KeyboardInterrupt from error
            if not session.connection.closed:
                raise _failure(error) from error
            session.connection = connect(session.settings, LOADER, lost=session.connection)
            if _was_committed(session.connection, load, result):
                return
            if attempt == ATTEMPTS:
                raise FileFailed(
                    f"La conexión se cortó {ATTEMPTS} veces: {error}.", "Revise el servidor y repita la carga."
                ) from error
        except (MemoryError, RuntimeError, pa.ArrowException) as error:
            if not _is_out_of_memory(error):
                raise
            raise FileFailed(
                "No hay memoria suficiente.", "Cierre otros programas o suba el límite del contenedor."
            ) from error


def lock(connection: Connection, table: Table) -> None:
    """Una carga por tabla cada vez: la segunda espera y luego ve lo que hizo la primera."""
    deadline = time.monotonic() + OTHER_LOADER_SECONDS
    while not connection.execute(TRY_LOCK, (table.name,)).fetchone()[0]:  # type: ignore[index]
        if time.monotonic() > deadline:
            raise FileFailed(f"Otra carga de {table.name} sigue en marcha.", "Espere a que acabe y repita.")
        time.sleep(0.1)


def _is_out_of_memory(error: Exception) -> bool:
    """Sin memoria tampoco se puede crear un hilo, y eso lo dicen Python y Arrow cada uno a su manera."""
    words = ("can't start new thread", "Failed to launch worker thread")
    return isinstance(error, MemoryError) or any(text in str(error) for text in words)


def _was_committed(connection: Connection, load: Load, result: FileResult) -> bool:
    """Si la carga que perdió la conexión llegó a confirmarse."""
    if not load.load_id:
        return False
    with connection.transaction():
        # Mientras la sesión perdida siga viva tiene este cerrojo: esperarlo es esperar su final.
        lock(connection, load.table)
        counts = ledger.outcome(connection, load)
    if counts:
        result.counts = counts
    return counts is not None


def _failure(error: psycopg.Error) -> FileFailed:
    """El fallo de una sentencia, en palabras y con su siguiente paso."""
    known = tomllib.loads(FAILURES.read_text(encoding="utf-8"))
    said = next(known[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in known)
    hint = said["hint"].format(revision=order("revision"), migrate=order("migrate"))
    return FileFailed(said["message"].format(str(error).strip(" .\n")), hint)
