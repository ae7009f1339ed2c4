"""En un ejecutor: una parte de un archivo -> filas validadas, por COPY, a una tabla de este intento.

Entra una `Part` y sale un `Staged`: cuántas filas dejó y dónde. El nombre de la tabla lleva el
número de intento, así que dos ejecuciones de la misma parte no se mezclan. Lo siguiente es
`merge.py`, en el conductor.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import sql

from etl.chunk import FILTERED, Chunk
from etl.database.connection import LOADER, Connection, connect
from etl.errors import EtlError, FileRefused
from etl.extract.read import Reading, read
from etl.extract.source import Opened, opened
from etl.load.encode import encode
from etl.load.ledger import widen
from etl.load.orphans import without_orphans
from etl.load.table import REJECTS, copy_rows, header_again, save_rejects
from etl.schema import Declared
from etl.settings import Settings
from etl.transform.validate import transform
from extras.spark.cut import Layout
from extras.spark.plan import Part

SCHEMA = "staging"
# El número de una carga que todavía no lo tiene.
UNKNOWN = 0


@dataclass(frozen=True)
class Work:
    """Lo que comparten las partes de un archivo; viaja a los ejecutores.

    `layout`: cómo es el archivo, si es de texto y está en varias partes. `stage`: la tabla de paso del archivo, vacía: el
    molde de las de cada intento. A qué carga van sus filas lo sabrá `merge.py`: se preparan antes de que les toque.
    """

    settings: Settings
    declared: Declared
    reading: Reading
    columns: dict[str, int]
    stage: str
    layout: Layout | None


@dataclass(frozen=True)
class Staged:
    """Lo que dejó un intento. `sha256`, si leyó el archivo entero; `error`, si no se debe repetir."""

    table: str
    rows: int = 0
    rejects: int = 0
    filtered: int = 0
    blank: int = 0
    header_again: int = 0
    limits: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    sha256: str | None = None
    error: EtlError | psycopg.Error | None = None


def stage_part(work: Work, part: Part) -> Staged:
    """La tarea de Spark. Una conexión perdida se lanza, y Spark la repite; lo demás no se repite."""
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    # Una tarea lleva varias partes, quizá del mismo archivo.
    table = f"{work.stage}_{context.taskAttemptId()}_{part.start}"
    try:
        connection = connect(work.settings, role=LOADER)
    except EtlError as error:
        return Staged(table, error=error)
    with connection:
        try:
            # Sin esperar al disco: si el servidor cae, la carga entera empieza de nuevo.
            connection.execute("SET synchronous_commit = off")
            with connection.transaction():
                return _stage(connection, work, part, table)
        except EtlError as error:
            return Staged(table, error=error)
        except psycopg.Error as error:
            if connection.closed:
                raise
            return Staged(table, error=error)


def _create(connection: Connection, table: str, like: sql.Composable) -> sql.Identifier:
    """Crea una tabla de paso con la forma de otra, sin WAL; si el intento muere, no queda nada de ella."""
    name = sql.Identifier(SCHEMA, table)
    connection.execute(sql.SQL("CREATE UNLOGGED TABLE {} (LIKE {})").format(name, like))
    return name


def rejects_of(table: str) -> str:
    """La tabla de paso de los rechazos que acompaña a la de las filas, si los hay."""
    return f"{table}_r"


def _stage(connection: Connection, work: Work, part: Part, table: str) -> Staged:
    staged = Staged(table)
    # Si el archivo ya acabó, su tabla no existe y un intento rezagado falla aquí; si no, no se puede
    # borrar hasta que este intento termine.
    rows_table = _create(connection, table, sql.Identifier(SCHEMA, work.stage))
    with opened(part.source) as file:
        _check_same_file(part, file)
        for chunk in _chunks(work, part, file):
            rows, rejects = transform(chunk, work.declared)
            widen(staged.limits, rows, work.declared.table.key)
            rows, orphans = without_orphans(connection, work.declared.table, rows, chunk)
            rejects = rejects + orphans
            if rows.num_rows:
                payload = encode(rows, UNKNOWN)
                copy_rows(connection, rows_table, rows.column_names, payload)
            if rejects and not staged.rejects:
                rejects_table = _create(connection, rejects_of(table), REJECTS)
            if rejects:
                save_rejects(connection, UNKNOWN, rejects, rejects_table)
            filtered = sum(reject.code == FILTERED for reject in rejects)
            staged = replace(
                staged,
                rows=staged.rows + rows.num_rows,
                rejects=staged.rejects + len(rejects),
                filtered=staged.filtered + filtered,
                blank=staged.blank + chunk.blank,
                header_again=staged.header_again or header_again(chunk.rejects),
            )
        return replace(staged, sha256=file.finish() if part.end is None else None)


def _check_same_file(part: Part, file: Opened) -> None:
    """En un clúster cada máquina monta la carpeta: que sea de verdad el mismo archivo."""
    if (file.size, file.before.st_mtime_ns) != (part.size, part.mtime_ns):
        raise FileRefused(
            f"El ejecutor ve otro «{part.source.path}» que el conductor.",
            "La carpeta de datos debe ser la misma, y en la misma ruta, en todas las máquinas.",
        )


def _chunks(work: Work, part: Part, file: Opened) -> Iterator[Chunk]:
    if work.layout is not None:
        yield from work.layout.chunks(file, part, work.columns)
        return
    with read(part.source, file, work.declared, work.reading) as whole:
        if part.end is not None:  # grupos de filas de un Parquet
            whole.document.groups = range(part.start, part.end)  # type: ignore[attr-defined]
        yield from whole.chunks
