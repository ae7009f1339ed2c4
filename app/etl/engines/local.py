"""El motor de un proceso: valida los trozos de un archivo uno tras otro, por delante de la carga."""

from collections.abc import Generator, Iterator

from etl.chunk import Chunk
from etl.engines.prefetch import prefetch
from etl.load.encode import encode
from etl.load.table import Prepared
from etl.schema import Schema
from etl.transform.validate import transform


def prepare(chunks: Iterator[Chunk], schema: Schema, load_id: int) -> Generator[Prepared]:
    """Los trozos, validados y listos para COPY; el siguiente se hace mientras se carga el actual."""

    def prepare_one(chunk: Chunk) -> Prepared:
        rows, rejects = transform(chunk, schema)
        return Prepared(chunk, rows, encode(rows, load_id), rejects)

    return prefetch(map(prepare_one, chunks))
