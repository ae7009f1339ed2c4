"""En un ejecutor: una parte de un archivo -> filas validadas, por COPY, a una tabla de este intento.

Entra una `Part` y sale un `Staged`: cuántas filas dejó y dónde. El nombre de la tabla lleva el
número de intento, así que dos ejecuciones de la misma parte no se mezclan. Lo siguiente es
`merge.py`, en el conductor.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from etl.chunk import Chunk, Reject
from etl.database.connection import LOADER, Connection, connect
from etl.errors import EtlError, FileRefused
from etl.extract.read import Reading, read
from etl.extract.source import Opened, opened
from etl.load.ledger import Counts
from etl.load.orphans import without_orphans
from etl.load.table import REJECTS, Prepared, save_rejects
from etl.schema import Declared
from etl.settings import Settings
from etl.transform.validate import transform
from extras.bulk.binary import BinaryWriter
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
    counts: Counts = field(default_factory=Counts)
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


def rejects_of(table: str) -> str:
    """La tabla de paso de los rechazos que acompaña a la de las filas, si los hay."""
    return f"{table}_r"


class StageWriter(BinaryWriter):
    """Deja las filas que tienen madre en la tabla de paso de un intento, y los rechazos en otra."""

    def __init__(self, connection: Connection, work: Work, name: str) -> None:
        super().__init__(connection, work.declared.table, UNKNOWN)
        self._name = name
        # Si el archivo ya acabó, su tabla no existe y un intento rezagado falla aquí; si no, no se puede
        # borrar hasta que este intento termine.
        self.target = self._create(name, sql.Identifier(SCHEMA, work.stage))

    def _create(self, name: str, like: sql.Composable) -> sql.Identifier:
        """Crea una tabla de paso con la forma de otra, sin WAL; si el intento muere, no queda nada de ella."""
        created = sql.Identifier(SCHEMA, name)
        self.connection.execute(sql.SQL("CREATE UNLOGGED TABLE IF NOT EXISTS {} (LIKE {})").format(created, like))
        return created

    def add(self, prepared: Prepared) -> list[Reject]:
        """Pone las filas que tienen madre en la tabla; ninguna choca, que no tiene clave. Devuelve las huérfanas."""
        assert prepared.chunk is not None
        rows, orphans = without_orphans(self.connection, self.table, prepared.rows, prepared.chunk)
        if rows.num_rows:
            self.copied(rows, self.encode(rows))
        return orphans

    def set_aside(self, rejects: list[Reject]) -> None:
        """Guarda los rechazos de un trozo; con los primeros se crea su tabla."""
        save_rejects(self.connection, UNKNOWN, rejects, self._create(rejects_of(self._name), REJECTS))


def _stage(connection: Connection, work: Work, part: Part, table: str) -> Staged:
    writer = StageWriter(connection, work, table)
    with opened(part.source) as file:
        _check_same_file(part, file)
        for chunk in _chunks(work, part, file):
            rows, rejects = transform(chunk, work.declared)
            writer.write(Prepared(rows, [], rejects, chunk, chunk.blank))
        return Staged(table, writer.counts, file.finish() if part.end is None else None)


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
