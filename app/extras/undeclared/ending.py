"""El final de la tabla: aparta los pies («Total», «Fuente: …») y una segunda tabla pegada debajo.

Entran los trozos de un archivo sin declarar y salen los mismos, con esas filas entre los rechazos.
Una fila se aparta solo si es inconfundible: al final del archivo y distinta de todas las demás.
"""

import re
from collections.abc import Iterator
from functools import reduce
from itertools import takewhile

import numpy as np
import pyarrow.compute as pc

from etl.chunk import Chunk, constants
from extras.formats.unstorable import set_aside
from extras.undeclared.detection.cut import EMPTY, MOMENT, NUMBER, TEXT, kind

# Filas del final en las que se busca un pie; una nota más larga es otra tabla.
TAIL_ROWS = 12
# Filas de encima con que se compara el principio de una segunda tabla.
ROWS_ABOVE = 20
AFTER_TABLE = ("second_table", "empieza otra tabla en el mismo archivo; guárdela en un archivo aparte")

TOTAL = re.compile(r"(sub)?total(es)?( general| nacional)?\s*:?|suma( total)?\s*:?", re.IGNORECASE)
NOTE = re.compile(r"(fuentes?|notas?|source|notes?|elaboraci[oó]n|datos provisionales)\b.*", re.I | re.S)


def without_ending(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Los trozos sin pie ni segunda tabla; lo apartado queda en sus rechazos."""
    pending: Chunk | None = None
    other_table = False
    for chunk in chunks:
        if pending is not None:
            yield pending
        start = 0 if other_table else second_table(chunk)
        other_table = start is not None
        pending = chunk if start is None else set_aside(chunk, range(start, len(chunk.lines)), *AFTER_TABLE)
    if pending is not None:
        if rows := footer_rows(pending):
            pending = set_aside(pending, rows, "footer", "es un pie (un total o una nota), no una fila de datos")
        yield pending


def second_table(chunk: Chunk) -> int | None:
    """La fila en que empieza otra tabla: tras una línea en blanco, texto donde había números."""
    lines = np.from_dlpack(chunk.lines)
    for gap in (np.flatnonzero(np.diff(lines) > 1) + 1).tolist():
        cells = _cells(chunk, gap)
        if any(kind(cell) != TEXT for cell in cells) or not _blank_before(chunk, gap):
            continue
        above = [_cells(chunk, row) for row in range(max(0, gap - ROWS_ABOVE), gap)]
        if any(_is_typed([row[column] for row in above]) for column in range(len(cells))):
            return int(gap)
    return None


def _blank_before(chunk: Chunk, row: int) -> bool:
    """El hueco entre dos filas es una línea en blanco, y no una fila larga o una apartada."""
    before, line = chunk.lines[row - 1].as_py(), chunk.lines[row].as_py()
    if any(before < reject.line < line for reject in chunk.rejects):
        return False
    height = len(re.findall(r"\r\n|\n|\r", chunk.raw(row - 1).rstrip("\r\n"))) + 1
    return bool(line > before + height)


def _is_typed(values: list[str]) -> bool:
    kinds = [found for value in values if (found := kind(value)) != EMPTY]
    return len(kinds) > 0 and all(found in (NUMBER, MOMENT) for found in kinds)


def footer_rows(chunk: Chunk) -> list[int]:
    """Las filas del final que son totales o notas, y no datos."""
    count = len(chunk.lines)
    if chunk.columns.num_columns < 2 or count < 2:
        return []
    last = reversed(range(max(0, count - TAIL_ROWS), count))
    found = sorted(takewhile(lambda row: _is_footer(chunk, row), last))
    return found if len(found) < count else []


def _is_footer(chunk: Chunk, row: int) -> bool:
    cells = _cells(chunk, row)
    filled = [index for index, cell in enumerate(cells) if cell.strip()]
    if not filled:
        return False
    first = cells[filled[0]].strip()
    if len(filled) == 1 and filled[0] == 0 and (NOTE.fullmatch(first) or len(cells) > 2):
        return bool(NOTE.fullmatch(first) or TOTAL.fullmatch(first)) or _only_sparse_at_end(chunk, row)
    return bool(TOTAL.fullmatch(first)) and _only_at_end(chunk, filled[0], cells[filled[0]])


def _only_at_end(chunk: Chunk, column: int, value: str) -> bool:
    """Un «Total» que sale también por el medio es una categoría («sexo: Total»), no un pie."""
    values, wanted = chunk.columns.column(column), constants([value])[0]
    same, tail = pc.sum(pc.equal(values, wanted)).as_py() or 0, values[-TAIL_ROWS:]
    return same == 1 or (same == (pc.sum(pc.equal(tail, wanted)).as_py() or 0) and len(tail) < len(chunk.lines))


def _only_sparse_at_end(chunk: Chunk, row: int) -> bool:
    """Una nota suelta: solo la primera celda escrita, y ninguna fila de encima es así."""
    above = reduce(pc.or_, [pc.is_valid(column[:row]) for column in chunk.columns.columns[1:]])
    return len(above) > 2 and bool(pc.all(above).as_py()) and " " in _cells(chunk, row)[0].strip()


def _cells(chunk: Chunk, row: int) -> list[str]:
    return [column[row].as_py() or "" for column in chunk.columns.columns]
