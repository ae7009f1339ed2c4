"""Filas que una biblioteca da ya con tipo (una hoja, una tabla de SQLite) -> trozos de columnas de texto."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from etl.chunk import Chunk, Reject
from etl.dialect import ISO
from extras.formats.unstorable import without_unstorable

ROWS = 20_000

Row = Sequence[Any]


@dataclass
class TypedRows:
    """Un documento abierto; cada fila lleva delante su número.

    `text`: cómo se escribe un valor. `fault`: el código y el motivo por los que se aparta una fila, si los hay; se le
    dice qué columnas se usan. `kinds`: de qué clase es cada columna, si todos sus valores lo son de una.
    """

    header: list[str]
    rows: Iterator[tuple[int, Row]]
    text: Callable[[Any], str | None]
    fault: Callable[[int, Row, set[int]], tuple[str, str] | None]
    kinds: dict[int, str] = field(default_factory=dict)
    batch_rows: int = ROWS

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos."""
        used = set(columns.values())
        while batch := list(islice(self.rows, self.batch_rows)):
            faults = [(line, row, self.fault(line, row, used)) for line, row in batch]
            rejects = [Reject(line, self._raw(row), None, None, *fault) for line, row, fault in faults if fault]
            yield self._chunk([(line, row) for line, row, fault in faults if not fault], columns, rejects)

    def _chunk(self, batch: list[tuple[int, Row]], columns: dict[str, int], rejects: list[Reject]) -> Chunk:
        table = {name: pa.array([self.text(row[at]) for _, row in batch], pa.string()) for name, at in columns.items()}
        lines = pa.array([line for line, _ in batch], pa.int64())
        return without_unstorable(Chunk(pa.table(table), lines, lambda row: self._raw(batch[row][1]), ISO, rejects))

    def _raw(self, row: Row) -> str:
        texts = [text and text.encode("utf-8", "backslashreplace").decode() for text in map(self.text, row)]
        return json.dumps(texts, ensure_ascii=False)
