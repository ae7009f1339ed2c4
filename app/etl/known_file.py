"""Un archivo cuyo contenido, o cuyo nombre, ya se conocía: se salta, o reemplaza a su versión anterior.

Son partes de la transacción de `one_file.py`; las consultas están en `load/versions.py`.
"""

import re

from psycopg import errors, sql

from etl.database.connection import Connection
from etl.errors import FileRefused
from etl.extract.discover import beside
from etl.extract.source import Source, opened
from etl.job import Job
from etl.load import ledger, versions
from etl.load.ledger import Counts
from etl.load.versions import Known
from etl.result import FileResult
from etl.schema import Target

STILL_REFERENCED = re.compile(r'Key \((.+)\)=\((.+)\) is still referenced from table "(.+)"\.')


def find_known(connection: Connection, job: Job) -> Known | None:
    """La carga anterior de ese contenido; la huella solo se calcula si hay una del mismo tamaño."""
    if not ledger.may_be_known(connection, job.entry):
        return None
    return versions.find_known(connection, job.entry, fingerprint(job.source))


def skip(connection: Connection, job: Job, result: FileResult, known: Known) -> None:
    """El contenido ya está cargado. Su archivo puede haber cambiado de nombre, o ser ahora copia de otro."""
    result.status, result.counts = "skipped", Counts()
    if known.file == job.entry.file:
        return
    if not _is_still_there(job.source, known.file):
        versions.rename(connection, known.load_id, job.entry.file)
    defer_references(connection, job.target)
    if versions.retire_previous(connection, job.target, job.entry, known.load_id):
        settle_removed(connection, job, result, reopened=False)


def _is_still_there(source: Source, name: str) -> bool:
    """Si el archivo que se llama `name` sigue teniendo lo mismo que `source`, que es entonces una copia."""
    other = beside(source, name)
    try:
        return other is not None and fingerprint(other) == fingerprint(source)
    except FileRefused:
        return False


def settle_removed(connection: Connection, job: Job, result: FileResult, reopened: bool) -> None:
    """Lo que la versión anterior traía y esta no: se puede quitar, se dice y quizá otro archivo lo trae."""
    check_references(connection, job.target)
    if removed := versions.count_removed(connection, job.target):
        result.warnings.append(
            f"filas de la versión anterior que esta no trae, quitadas de la tabla: {removed}"
        )
    # También si no falta ninguna: un contenido antiguo que vuelve no manda sobre los que llegaron después.
    if removed or reopened:
        versions.mark_incomplete(connection, job.target)


def fingerprint(source: Source) -> str:
    """La huella SHA-256 del archivo, sin cargarlo. Lanza `FileRefused` si no se puede leer."""
    with opened(source) as file:
        return file.finish()


def check_references(connection: Connection, target: Target) -> None:
    """Comprueba las referencias aplazadas. Lanza `FileRefused` si faltan filas que otras tablas usan."""
    try:
        defer_references(connection, target, "IMMEDIATE")
    except errors.ForeignKeyViolation as error:
        # El detalle viene en inglés y a veces traducido; si no se reconoce, se enseña tal cual.
        detail = error.diag.message_detail or str(error)
        if found := STILL_REFERENCED.match(detail):
            detail = f"la de {found[1]} «{found[2]}» sigue en uso en «{found[3]}»."
        raise FileRefused(
            f"La versión nueva ya no trae filas que otras tablas necesitan: {detail}",
            "Devuélvalas al archivo o quite antes las filas que las usan.",
        ) from error


def defer_references(connection: Connection, target: Target, mode: str = "DEFERRED") -> None:
    """Deja para el final las referencias a la tabla: una fila puede irse y volver en la misma transacción."""
    if target.referenced_by:
        names = sql.SQL(", ").join(sql.Identifier(*name) for name in target.referenced_by)
        connection.execute(sql.SQL("SET CONSTRAINTS {} {}").format(names, sql.SQL(mode)))
