"""JSON lines: un objeto por línea -> trozos de columnas de texto.

Los números se toman como estaban escritos («0.10» sigue siendo «0.10»); un objeto o una lista
dentro de otro se guarda como JSON.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from etl.chunk import Chunk, Reject
from etl.dialect import ISO
from etl.extract.careful import BAD_BYTES
from etl.extract.encoding import ByteStream, Utf8Stream
from etl.extract.records import is_utf8, readable

ROWS = 20_000
READ = 1 << 20
SAMPLE_ROWS = 1000


@dataclass
class JsonLinesFile:
    """Un archivo JSON lines abierto. `header`: las claves de sus primeras mil filas."""

    lines: Iterator[tuple[int, bytes]]
    first: list[tuple[int, bytes]]
    header: list[str] = field(default_factory=list)

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos; una clave que falta en una fila es un valor nulo."""
        keys = {name: self.header[position] for name, position in columns.items()}
        batch = self.first
        while batch:
            yield _to_chunk(batch, keys)
            batch = list(islice(self.lines, ROWS))


def open_json_lines(stream: ByteStream, encoding: str) -> JsonLinesFile:
    """Mira las primeras filas para conocer las claves. Un archivo vacío no tiene ninguna."""
    lines = _numbered_lines(Utf8Stream(stream, encoding))
    first = list(islice(lines, SAMPLE_ROWS))
    rows = [row for _, raw in first if isinstance(row := _decode(raw), dict)]
    return JsonLinesFile(lines, first, list(dict.fromkeys(key for row in rows for key in row)))


def _numbered_lines(stream: Utf8Stream) -> Iterator[tuple[int, bytes]]:
    number, pending = 1, b""
    while True:
        data = stream.read(READ)
        *whole, pending = (pending + data).split(b"\n")
        if not data and pending:
            whole.append(pending)
        for raw in whole:
            if raw.strip():
                yield number, raw
            number += 1
        if not data:
            return


def _decode(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _to_chunk(batch: list[tuple[int, bytes]], keys: dict[str, str]) -> Chunk:
    good: list[tuple[int, bytes, dict[str, Any]]] = []
    rejects: list[Reject] = []
    for line, raw in batch:
        row = _decode(raw) if is_utf8(raw) else None
        if isinstance(row, dict) and "\\u0000" not in readable(raw):
            good.append((line, raw, row))
        else:
            rejects.append(_reject(line, raw))
    columns = {
        name: pa.array([_text(row.get(key)) for *_, row in good], pa.string()) for name, key in keys.items()
    }
    table = pa.table(columns)
    return Chunk(
        table,
        pa.array([line for line, *_ in good], pa.int64()),
        lambda row: readable(good[row][1]),
        ISO,
        rejects,
    )


def _reject(line: int, raw: bytes) -> Reject:
    if not is_utf8(raw):
        return Reject(line, readable(raw), None, None, "encoding", BAD_BYTES)
    if "\\u0000" in readable(raw):
        return Reject(
            line, readable(raw), None, None, "nul", "hay un carácter NUL; PostgreSQL no lo admite en un texto"
        )
    return Reject(line, readable(raw), None, None, "json", "no es un objeto JSON completo en una sola línea")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
