"""Parquet: columnas con tipo -> trozos de columnas de texto, para pasar por las mismas reglas que un CSV."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from etl.chunk import Chunk
from etl.dialect import ISO
from etl.errors import FileRefused
from extras.formats.unstorable import without_unstorable

ROWS = 65_536
# Lo que lanza Arrow ante bytes que no son lo que deben; también un texto que no es UTF-8.
DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)

# Como escribe Arrow un instante que no se puede escribir como fecha; detrás va el número guardado.
FAR = "<value out of range"


@dataclass
class ParquetFile:
    """Un archivo Parquet abierto; `_line` es el número de fila, desde 1. Los avisos llegan con sus filas."""

    file: parquet.ParquetFile
    warnings: list[str] = field(default_factory=list)

    @property
    def header(self) -> list[str]:
        return list(self.file.schema_arrow.names)

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos, con los valores escritos en ISO y con punto decimal."""
        line = 1
        try:
            for batch in self.file.iter_batches(ROWS):
                chunk = _to_chunk(batch, columns, line)
                self._warn(chunk, columns)
                yield chunk
                line += batch.num_rows
        except DAMAGED as error:
            raise _damaged(error) from error

    def _warn(self, chunk: Chunk, columns: dict[str, int]) -> None:
        for name, position in columns.items():
            warning = (
                f"columna «{name}»: tiene instantes que no caben en una fecha; quedan en texto, «{FAR}: …>»"
            )
            nested = pa.types.is_nested(self.file.schema_arrow.types[position])
            if nested and warning not in self.warnings and _has_far(chunk.columns[name]):
                self.warnings.append(warning)


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
                for value in python_values(values)
            ],
            pa.string(),
        )
    return values.cast(pa.string())


def python_values(values: pa.Array) -> list[Any]:
    """Como `to_pylist`, con los instantes que Python no alcanza (antes del año 1, tras el 9999) en texto."""
    try:
        python: list[Any] = values.to_pylist()
    except (OverflowError, ValueError):
        if len(values) > 1:
            return [value for row in range(len(values)) for value in python_values(values.slice(row, 1))]
        python = values.cast(_instants_as_text(values.type)).to_pylist()
    return python


def _instants_as_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([member.with_type(_instants_as_text(member.type)) for member in kind])
    if pa.types.is_map(kind):
        return pa.map_(_instants_as_text(kind.key_type), _instants_as_text(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_instants_as_text(kind.value_type), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(_instants_as_text(kind.value_type))
    if pa.types.is_list(kind):
        return pa.list_(_instants_as_text(kind.value_type))
    return pa.string() if pa.types.is_temporal(kind) else kind


def _has_far(text: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring(text, FAR)).as_py())


def _row_text(batch: pa.RecordBatch) -> Callable[[int], str]:
    def text(row: int) -> str:
        values = {
            name: python_values(column.slice(row, 1))[0]
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        return json.dumps(values, ensure_ascii=False, default=str)

    return text
