"""Parquet: columnas con tipo -> trozos de columnas de texto, para pasar por las mismas reglas que un CSV."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
from pyarrow import parquet

from etl.chunk import Chunk
from etl.dialect import ISO
from etl.errors import FileRefused
from extras.formats.unstorable import without_unstorable

ROWS = 65_536
# Lo que lanza Arrow ante bytes que no son lo que deben; también un texto que no es UTF-8.
DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)


@dataclass
class ParquetFile:
    """Un archivo Parquet abierto; `_line` es el número de fila, desde 1."""

    file: parquet.ParquetFile

    @property
    def header(self) -> list[str]:
        return list(self.file.schema_arrow.names)

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos, con los valores escritos en ISO y con punto decimal."""
        line = 1
        try:
            for batch in self.file.iter_batches(ROWS):
                yield _to_chunk(batch, columns, line)
                line += batch.num_rows
        except DAMAGED as error:
            raise _damaged(error) from error


def open_parquet(file: Path | IO[bytes]) -> ParquetFile:
    """Lanza `FileRefused` si el archivo está dañado o no es Parquet."""
    try:
        return ParquetFile(parquet.ParquetFile(file))
    except DAMAGED as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> FileRefused:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else "dañado"
    return FileRefused(f"No es un archivo Parquet legible: {reason}.", "Genérelo de nuevo.")


def _to_chunk(batch: pa.RecordBatch, columns: dict[str, int], line: int) -> Chunk:
    table = pa.table({name: as_text(batch.column(position)) for name, position in columns.items()})
    lines = pa.array(range(line, line + batch.num_rows), pa.int64())
    return without_unstorable(Chunk(table, lines, _row_text(batch), ISO))


def as_text(values: pa.Array) -> pa.Array:
    """Los valores de una columna con tipo, escritos como texto sin perder nada."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_nested(values.type):
        return pa.array(
            [
                json.dumps(value, ensure_ascii=False, default=str) if value is not None else None
                for value in values.to_pylist()
            ],
            pa.string(),
        )
    return values.cast(pa.string())


def _row_text(batch: pa.RecordBatch):  # type: ignore[no-untyped-def]
    return lambda row: json.dumps(batch.slice(row, 1).to_pylist()[0], ensure_ascii=False, default=str)
