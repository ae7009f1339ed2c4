"""Parquet: columnas con tipo -> trozos de columnas de texto, para pasar por las mismas reglas que un CSV."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from etl.chunk import Chunk
from etl.dialect import ISO
from etl.errors import FileRefused
from etl.extract.source import Opened, refuse_bomb
from extras.formats.clock import clock
from extras.formats.partitions import WARNING
from extras.formats.unstorable import without_unstorable

ROWS = 65_536
# Lo que puede ocupar un trozo, si las primeras filas (tantas como dice `FIRST`) se parecen a las demás.
MOST_BYTES, FIRST = 8 << 20, 4
# Lo que lanza Arrow ante bytes que no son lo que deben; también un texto que no es UTF-8.
DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)

BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
# De cada clase de tipos, cómo se llama en `undeclared/formats.py`.
KINDS = (
    (pa.types.is_boolean, "bool"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_decimal, "decimal"),
    (pa.types.is_floating, "double"),
    (pa.types.is_date, "date"),
    (pa.types.is_duration, "duration"),
    (pa.types.is_nested, "nested"),
    *((fits, "binary") for fits in BYTES),
)

# Con más decimales que estos, Arrow escribe los decimales pequeños con exponente («5.2E-9»).
PLAIN_SCALE = 6
# Como escribe Arrow un instante que no se puede escribir como fecha; detrás va el número guardado.
FAR = "<value out of range"


@dataclass
class ParquetFile:
    """Un archivo Parquet abierto; `_line` es el número de fila, desde 1. Los avisos llegan con sus filas."""

    file: parquet.ParquetFile
    warnings: list[str] = field(default_factory=list)
    as_bytes: bool = False  # lo binario, como bytes y no como el texto que quizá es
    # Los grupos de filas que se leen: todos, o los que toquen.
    groups: range = range(0)
    # Por dónde va la lectura, que es a saltos.
    progress: Opened | None = None

    def __post_init__(self) -> None:
        self.groups = range(self.file.num_row_groups)

    @property
    def kinds(self) -> dict[int, str]:
        """La clase de cada columna (`undeclared/formats.py`)."""
        return {at: _kind(one) for at, one in enumerate(self.file.schema_arrow.types)}

    @property
    def header(self) -> list[str]:
        return list(self.file.schema_arrow.names)

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos, con los valores escritos en ISO y con punto decimal."""
        line = 1 + sum(self.file.metadata.row_group(before).num_rows for before in range(self.groups.start))
        try:
            for batch in self.batches():
                chunk = _to_chunk(batch, columns, line, self.as_bytes)
                self._warn(chunk, columns)
                yield chunk
                line += batch.num_rows
                if self.progress:
                    self.progress.beside = self.progress.size * (line - 1) // self.file.metadata.num_rows
        except DAMAGED as error:
            raise _damaged(error) from error

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Las filas de sus grupos, de 65.536 en 65.536 o, si llevan textos enormes, menos."""
        groups = list(self.groups)
        first = next(self.file.iter_batches(FIRST, row_groups=groups), None)
        rows = min(ROWS, MOST_BYTES * first.num_rows // first.nbytes + 1) if first and first.nbytes else ROWS
        return self.file.iter_batches(rows, row_groups=groups)  # type: ignore[no-any-return]

    def _warn(self, chunk: Chunk, columns: dict[str, int]) -> None:
        for name, position in columns.items():
            warning = f"columna «{name}»: tiene instantes que no caben en una fecha; quedan en texto, «{FAR}: …>»"
            nested = pa.types.is_nested(self.file.schema_arrow.types[position])
            if nested and warning not in self.warnings and pc.any(pc.match_substring(chunk.columns[name], FAR)).as_py():
                self.warnings.append(warning)


def open_parquet(path: Path, as_bytes: bool = False) -> ParquetFile:
    """Lanza `FileRefused` si el archivo está dañado, no es Parquet o lleva desmesuradamente más de lo que ocupa."""
    try:
        opened = parquet.ParquetFile(path)
    except DAMAGED as error:
        raise _damaged(error) from error
    found, size = opened.metadata, path.stat().st_size
    unpacked = sum(found.row_group(at).total_byte_size for at in range(found.num_row_groups))
    # Una columna de nulos no ocupa nada: cada valor cuenta, al menos, lo que su separador en un CSV.
    refuse_bomb(max(unpacked, found.num_rows * found.num_columns), size, "guárdelo como CSV")
    told = (opened.schema_arrow.metadata or {}).get(WARNING)
    return ParquetFile(opened, [told.decode()] if told else [], as_bytes)


def _damaged(error: Exception) -> FileRefused:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else "dañado"
    return FileRefused(f"No es un archivo Parquet legible: {reason}.", "Genérelo de nuevo.")


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    if pa.types.is_timestamp(kind):
        return "instant" if kind.tz else "timestamp"
    return next((name for fits, name in KINDS if fits(kind)), "only_text")


def _to_chunk(batch: pa.RecordBatch, columns: dict[str, int], line: int, as_bytes: bool) -> Chunk:
    table = pa.table({name: as_text(batch.column(position), as_bytes) for name, position in columns.items()})
    lines = pa.array(range(line, line + batch.num_rows), pa.int64())
    return without_unstorable(Chunk(table, lines, _row_text(batch), ISO))


def as_text(values: pa.Array, as_bytes: bool = False) -> pa.Array:
    """Los valores de una columna con tipo, escritos como texto sin perder nada."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_nested(values.type):
        return pa.array([_json(_python(value)) for value in values], pa.string())
    if pa.types.is_duration(values.type):
        return pa.array([clock(value) for value in values.cast(pa.duration("us")).to_pylist()], pa.string())
    if pa.types.is_timestamp(values.type):
        return _moments(values).cast(pa.string())
    if any(fits(values.type) for fits in BYTES):
        return _bytes(values, as_bytes)
    if pa.types.is_decimal(values.type) and values.type.scale > PLAIN_SCALE:
        return pa.array([value if value is None else f"{value:f}" for value in values.to_pylist()], pa.string())
    return values.cast(pa.string())


def _moments(values: pa.Array) -> pa.Array:
    """Los instantes con microsegundos, si no pierden nada; y solo los días, si todos son de medianoche."""
    with suppress(pa.ArrowInvalid):
        values = values.cast(pa.timestamp("us", values.type.tz))
    if values.type.tz is None and pc.all(pc.equal(days := values.cast(pa.date32()), values)).as_py():
        return days
    return values


def _bytes(values: pa.Array, as_bytes: bool) -> pa.Array:
    if not as_bytes:  # muchos programas guardan así los textos
        with suppress(pa.ArrowInvalid):
            return values.cast(pa.string())
    return pa.array([value if value is None else f"\\x{value.hex()}" for value in values.to_pylist()], pa.string())


def _json(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain, allow_nan=False)
    except ValueError:  # JSON no tiene NaN ni infinitos: quedan como texto
        return json.dumps(_named(value), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str | None:
    if isinstance(value, timedelta):
        return clock(value)
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _named(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_named(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _python(value: pa.Scalar) -> Any:
    """Como `as_py`, con los instantes que Python no alcanza (antes del año 1, tras el 9999) en texto."""
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        if isinstance(value, pa.StructScalar):
            return {name: _python(one) for name, one in value.items()}
        if isinstance(value, pa.ListScalar):
            return [_python(one) for one in value.values]
        return value.cast(pa.string()).as_py()


def _row_text(batch: pa.RecordBatch) -> Callable[[int], str]:
    def text(row: int) -> str:
        values = {name: _python(column[row]) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
        return json.dumps(values, ensure_ascii=False, default=_plain)

    return text
