"""Los mismos registros que `etl/extract/records.py`, por caminos más rápidos.

Tres, del más rápido al más paciente:

  1. sin nada sospechoso, cada línea es un registro;
  2. con comillas bien puestas, un salto de línea entre comillas no corta (numpy, sin bucles);
  3. con algo mal puesto, las líneas sin nada sospechoso pasan de golpe y las demás, por la gramática.
"""

import codecs
from bisect import bisect_left

import numpy as np

from etl.dialect import Dialect
from etl.extract.records import RECORD_LIMIT, Records, Span, is_utf8, line_end, one_record

LF, CR = 10, 13
# Comparar por partes no pide memoria nueva en cada bloque.
PART = 512 << 10


def split(block: bytes, dialect: Dialect, fields: int, line: int, at_end: bool) -> Records:
    """Los registros de un bloque, por el camino más rápido que puede con él."""
    regular = None if dialect.escape else split_regular(block, dialect, fields, line)
    # Lo que sobra puede seguir en el bloque siguiente, salvo que no lo haya o ya sea demasiado.
    if regular and len(block) - regular.consumed < (1 if at_end else RECORD_LIMIT):
        return regular
    return split_carefully(block, dialect, fields, line, at_end)


def split_regular(block: bytes, dialect: Dialect, fields: int, line: int) -> Records | None:
    """Los registros de un bloque de líneas enteras, o `None` si algo pide mirarlo con cuidado."""
    if not block.endswith(b"\n") or not _has_regular_bytes(block):
        return None
    breaks = _places(block, "\n")
    if _has_blank_line(block, breaks):
        return None
    if not dialect.quote or dialect.quote.encode() not in block:
        starts, lines = np.concatenate([[0], breaks[:-1] + 1]), np.arange(line, line + len(breaks))
        return Records(block, starts, lines, len(block), line + len(breaks))
    return _split_quoted(block, breaks, dialect, fields, line)


def _split_quoted(block: bytes, breaks: np.ndarray, dialect: Dialect, fields: int, line: int) -> Records | None:
    """Camino 2: comillas según RFC 4180. `None` si alguna no está donde debe.

    Tampoco si un registro de varias líneas no tiene `fields` campos: puede ser una comilla sin
    cerrar, y hay que mirarlo línea a línea.

    En un texto bien escrito las comillas alternan: una abre y la siguiente cierra («""» es cerrar
    y volver a abrir). La que abre va tras un separador o un salto; la que cierra, antes de ellos.
    """
    data = np.frombuffer(block, np.uint8)
    quote, delimiter = ord(dialect.quote or '"'), ord(dialect.delimiter)
    quotes = _places(block, dialect.quote or '"')
    outside = np.flatnonzero(np.searchsorted(quotes, breaks) % 2 == 0)
    if not outside.size:
        return None
    consumed = int(breaks[outside[-1]]) + 1
    quotes = quotes[: np.searchsorted(quotes, consumed)]
    opening, closing = quotes[0::2], quotes[1::2]
    # Antes de la primera posición del bloque hay, por definición, un salto de línea.
    before = np.where(opening == 0, LF, data[opening - 1])
    if not (
        np.isin(before, [delimiter, LF, quote]).all() and np.isin(data[closing + 1], [delimiter, LF, CR, quote]).all()
    ):
        return None
    lines = line + np.concatenate([[0], outside[:-1] + 1])
    next_line = line + int(outside[-1]) + 1
    starts = np.concatenate([[0], breaks[outside][:-1] + 1])
    inner_breaks = len(outside) < next_line - line
    if inner_breaks:
        commas = np.flatnonzero(data == delimiter)
        commas = commas[np.searchsorted(quotes, commas) % 2 == 0]
        widths = 1 + np.diff(np.searchsorted(commas, [*starts, consumed]))
        if (widths[np.diff([*lines, next_line]) > 1] != fields).any():
            return None
    return Records(block[:consumed], starts, lines, consumed, next_line, inner_breaks)


def _has_regular_bytes(block: bytes) -> bool:
    """En UTF-8, sin NUL y sin retornos sueltos."""
    if b"\0" in block or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n")):
        return False
    return block.isascii() or is_utf8(block)


def _has_blank_line(block: bytes, breaks: np.ndarray) -> bool:
    lengths = np.diff(breaks, prepend=-1)
    short = breaks[lengths <= 2]
    return any(not block[max(0, end - 1) : end].strip(b"\r\n") for end in short.tolist())


def split_carefully(block: bytes, dialect: Dialect, fields: int, line: int, at_end: bool) -> Records:
    """Camino 3: como `split` del núcleo, con las líneas entre dos sospechosas de una vez."""
    breaks = _places(block, "\n")
    suspects = _suspects(block, breaks, dialect)
    found, size = Records(b"", np.array([]), np.array([]), 0, line), 0
    pieces, starts, lines = [], [np.array([], np.int64)], [np.array([], np.int64)]
    while found.consumed < len(block):
        start, own = found.consumed, np.array([0])
        following = bisect_left(suspects, start)
        hit = suspects[following] if following < len(suspects) else len(block)
        span: Span | None
        if (quiet_end := block.rfind(b"\n", start, hit) + 1) > start:
            first, last = np.searchsorted(breaks, [start, quiet_end])
            own = np.concatenate([own, breaks[first : last - 1] + 1 - start])
            span = Span(quiet_end, len(own), is_row=True)
        else:
            span = one_record(block, start, dialect, fields, found.next_line, at_end)
        if span is None:
            break
        if span.is_row:
            pieces.append(block[start : span.end])
            starts.append(own + size)
            lines.append(np.arange(found.next_line, found.next_line + len(own)))
            size += span.end - start
            found.inner_breaks |= len(own) < span.height
        found.rejects += [span.reject] if span.reject else []
        found.consumed, found.next_line = span.end, found.next_line + span.height
    found.data, found.starts, found.lines = b"".join(pieces), np.concatenate(starts), np.concatenate(lines)
    return found


def _suspects(block: bytes, breaks: np.ndarray, dialect: Dialect) -> list[int]:
    """Posiciones, en orden, de todo lo que obliga a mirar de cerca su línea."""
    data = np.frombuffer(block, np.uint8)
    returns = _places(block, "\r")
    followed = data[np.minimum(returns + 1, len(data) - 1)] == LF
    at_start = (returns == 0) | np.isin(data[returns - 1], [LF, CR])
    found = [
        returns[~followed],
        returns[at_start],
        breaks[np.diff(breaks, prepend=-1) == 1],
        *(_places(block, mark) for mark in ("\0", dialect.escape) if mark),
        _odd_quotes(data, np.sort(np.concatenate((breaks, returns)), kind="stable"), dialect) if dialect.quote else [],
        _broken_utf8(block),
    ]
    return sorted({int(position) for positions in found for position in positions})


def _places(block: bytes, mark: str) -> np.ndarray:
    """Dónde está un signo de un byte; buscar si está cuesta mucho menos."""
    data = np.frombuffer(block if mark.encode() in block else b"", np.uint8)
    parts = range(0, len(data) or 1, PART)
    return np.concatenate([np.flatnonzero(data[at : at + PART] == ord(mark)) + at for at in parts])


def _odd_quotes(data: np.ndarray, breaks: np.ndarray, dialect: Dialect) -> np.ndarray:
    """Una comilla de cada línea que, mirada sola, no tiene las comillas bien puestas.

    Las demás líneas son registros enteros: dentro de cada una, las comillas abren y cierran por
    turnos, tras un separador o antes de él. Así se miran todas a la vez, sin recorrerlas.
    """
    quote, delimiter = ord(dialect.quote or '"'), ord(dialect.delimiter)
    quotes = np.flatnonzero(data == quote)
    line, order = np.searchsorted(breaks, quotes), np.arange(len(quotes))
    last = np.append(line[1:] != line[:-1], True)
    opens = (order - np.maximum.accumulate(np.where(np.roll(last, 1), order, 0))) % 2 == 0
    before = np.where(quotes == 0, LF, data[quotes - 1])
    after = data[np.minimum(quotes + 1, len(data) - 1)]
    edges = np.isin(np.arange(256), [delimiter, LF, CR, quote])
    return np.asarray(quotes[~edges[np.where(opens, before, after)] | (last & opens)])


def _broken_utf8(block: bytes) -> list[int]:
    broken, position = [], 0
    while position < len(block):
        try:
            codecs.utf_8_decode(memoryview(block)[position:], "strict", True)
            break
        except UnicodeDecodeError as error:
            broken.append(position + error.start)
            # Basta uno por línea: la línea entera se aparta.
            position = max(line_end(block, position + error.start), position + error.end)
    return broken
