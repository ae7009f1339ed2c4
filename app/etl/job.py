"""El encargo de cargar un archivo: qué archivo, a qué tabla, con qué motor y a quién se le cuenta.

Lo prepara `pipeline.py`, lo lleva `one_file.py` dentro de una transacción y lo cumplen los motores
(`engines/`), que empiezan los dos por `open_for_table`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from etl.database.connection import Connection
from etl.dialect import Dialect
from etl.extract.match import match_columns
from etl.extract.read import Document, open_document, written_as
from etl.extract.source import Opened, Source
from etl.load import ledger
from etl.load.ledger import Counts, Entry
from etl.result import FileResult
from etl.schema import Target
from etl.settings import Settings
from etl.transform.parse import ambiguities

# Recibe el archivo, los bytes leídos y las cuentas hasta ahora.
Progress = Callable[[Source, int, Counts], None]


@dataclass
class Session:
    """Lo que comparten los archivos de una ejecución; la conexión se renueva si se pierde.

    `load_rows` es el motor, el de este proceso o el de un clúster.
    """

    settings: Settings
    run_id: UUID
    engine: str
    progress: Progress
    connection: Connection
    load_rows: "LoadRows"


@dataclass
class Job:
    """Un archivo camino de su tabla. `load_id` existe desde que empieza su transacción."""

    source: Source
    target: Target
    dialect: Dialect
    entry: Entry
    work: "Work"
    load_id: int | None = None


# Lo que se hace dentro de la transacción: cargar en una tabla declarada, o crear una (`undeclared/`).
Work = Callable[[Connection, Progress, Job, FileResult], None]

# El motor: lee, valida y carga las filas de un archivo, y apunta su codificación y sus avisos.
# Devuelve las cuentas y la huella.
LoadRows = Callable[[Connection, Progress, Job, Opened, FileResult], tuple[Counts, str]]


@contextmanager
def open_for_table(
    connection: Connection, job: Job, file: Opened, result: FileResult
) -> Iterator[tuple[Document, dict[str, int]]]:
    """El documento, y qué columna del archivo va a cada una de la tabla; apunta cómo está escrito."""
    assert job.load_id is not None
    schema = job.target.rows
    with open_document(job.source, file, job.dialect, schema) as (document, result.encoding, warnings):
        written = written_as(document)
        if written:
            describe_dialect(result, written)
        columns, unmatched = match_columns(document.header, schema, job.dialect.header)
        result.warnings = warnings + unmatched + ambiguities(job.dialect)
        ledger.describe(connection, job.load_id, document.header, written)
        yield document, columns


def describe_dialect(result: FileResult, written: Dialect) -> None:
    """Cómo está escrito un archivo declarado: lo que dice su declaración."""
    result.header, result.preamble_rows = written.header, written.preamble_rows
    result.dialect = {
        "delimiter": written.delimiter,
        "quote": written.quote,
        "escape": written.escape,
        "line_end": None,
    }
