"""El motor de un proceso: valida los trozos de un archivo uno tras otro, por delante de la carga.

Entra un encargo (`job.py`) con su transacción abierta; quedan las filas en la tabla. Sale la cuenta.
"""

from collections.abc import Iterator
from contextlib import closing

from etl.chunk import Chunk
from etl.database.connection import Connection
from etl.extract.source import Opened
from etl.job import Job, Progress, open_for_table
from etl.load.ledger import Counts
from etl.load.prefetch import prefetch
from etl.load.table import Prepared, TableWriter
from etl.result import FileResult
from etl.schema import Schema
from etl.transform.validate import transform
from extras.quarantine.corrected import restored


def load_rows(
    connection: Connection, progress: Progress, job: Job, file: Opened, result: FileResult
) -> tuple[Counts, str]:
    """Carga las filas de un archivo; devuelve las cuentas y la huella de lo leído."""
    assert job.load_id is not None
    writer = TableWriter(connection, job.target, job.load_id)
    with open_for_table(connection, job, file, result) as (document, columns):
        chunks = restored(document.header, document.chunks(columns))
        with closing(prefetch(prepare(chunks, job.target.rows, writer))) as prepared:
            for chunk in prepared:
                writer.write(chunk)
                progress(job.source, file.bytes_read, writer.counts)
    return writer.counts, file.finish()


def prepare(chunks: Iterator[Chunk], schema: Schema, writer: TableWriter) -> Iterator[Prepared]:
    """Los trozos, validados y listos para COPY."""
    for chunk in chunks:
        rows, rejects = transform(chunk, schema)
        yield writer.prepare(chunk, rows, rejects)
