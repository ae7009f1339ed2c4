"""El camino lento: un bloque con algo mal escrito, registro a registro.

Entra un bloque en el que hay comillas fuera de sitio, NUL, bytes que no son UTF-8, líneas en
blanco o retornos sueltos. Las líneas sin nada sospechoso pasan de golpe; las demás, por una
gramática estricta. La que no encaja se aparta sola y se sigue en la siguiente: una comilla sin
cerrar no se lleva consigo el resto del archivo.
"""

import codecs
import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from etl.chunk import Reject
from etl.dialect import Dialect
from etl.extract.records import Records, is_utf8, line_breaks, readable

# Un registro que ocupa más no es un registro: es una comilla que nadie cerró.
RECORD_LIMIT = 1 << 20
LINE_END = re.compile(rb"\r\n|\n|\r")
LF, CR = 10, 13

BAD_QUOTE = (
    "comillas fuera de sitio o sin cerrar; si son parte del texto, duplíquelas y encierre el campo entre comillas"
)
BAD_BYTES = "hay bytes que no son de la codificación del archivo; guárdelo entero en una sola codificación"
BAD_NUL = "hay un carácter NUL; PostgreSQL no lo admite en un texto"


@dataclass
class Span:
    """Un tramo ya decidido del bloque: registros que valen (`starts`, `lines`) o una línea apartada."""

    end: int
    height: int
    start: int
    starts: np.ndarray
    lines: np.ndarray
    reject: Reject | None = None


def split_carefully(block: bytes, dialect: Dialect, fields: int, line: int, at_end: bool) -> Records:
    """Los registros de `block` y las líneas apartadas; lo que queda a medias no se consume.

    `fields` es cuántos campos tiene una fila: un registro de varias líneas con otro número de
    campos es una comilla sin cerrar. Con `at_end` no hay bloque siguiente y nada queda a medias.
    """
    breaks = line_breaks(block)
    suspects = _suspects(block, breaks, dialect)
    spans: list[Span] = []
    position = 0
    while position < len(block):
        following = bisect_left(suspects, position)
        hit = suspects[following] if following < len(suspects) else len(block)
        quiet_end = block.rfind(b"\n", position, hit) + 1
        if quiet_end > position:
            span = _quiet_lines(breaks, position, quiet_end, line)
        elif (found := _one_record(block, position, dialect, fields, line, at_end)) is not None:
            span = found
        else:
            break
        spans.append(span)
        position, line = span.end, line + span.height
    return _joined(block, spans, position, line)


def _quiet_lines(breaks: np.ndarray, start: int, end: int, line: int) -> Span:
    first, last = np.searchsorted(breaks, [start, end])
    starts = np.concatenate([[start], breaks[first : last - 1] + 1])
    return Span(end, len(starts), start, starts, np.arange(line, line + len(starts)))


def _one_record(block: bytes, start: int, dialect: Dialect, fields: int, line: int, at_end: bool) -> Span | None:
    """El registro que empieza en `start`; `None` si puede acabar en el bloque siguiente."""
    grammar = _grammar(dialect)
    match = grammar.record.match(block, start)
    if not at_end and (match is None or _may_be_half(block, match.end())):
        line_end = _line_end(block, start)
        short = len(block) - start < RECORD_LIMIT
        if line_end < 0 or _may_be_half(block, line_end):
            return None
        if short and (match or grammar.unfinished.match(block, start)):
            return None
    raw = match.group() if match else b""
    height = _height(raw)
    if match is None or (height > 1 and _width(raw, dialect) != fields):
        return _set_aside(block, start, _line_end(block, start), line, 1, "quote", BAD_QUOTE)
    if b"\0" in raw:
        return _set_aside(block, start, match.end(), line, height, "nul", BAD_NUL)
    if not is_utf8(raw):
        return _set_aside(block, start, match.end(), line, height, "encoding", BAD_BYTES)
    blank = not raw.strip(b"\r\n")
    rows = [] if blank else [start]
    return Span(match.end(), height, start, np.array(rows, np.int64), np.array([line] * len(rows), np.int64))


def _may_be_half(block: bytes, line_end: int) -> bool:
    """Si el fin de línea está justo al final del bloque y puede ser la mitad de un «\\r\\n»."""
    return line_end == len(block) and block.endswith(b"\r")


def _set_aside(block: bytes, start: int, end: int, line: int, height: int, code: str, message: str) -> Span:
    nothing = np.array([], np.int64)
    reject = Reject(line, readable(block[start:end]), None, None, code, message)
    return Span(end, height, start, nothing, nothing, reject)


def _joined(block: bytes, spans: list[Span], consumed: int, next_line: int) -> Records:
    pieces, starts, lines, taken = [], [np.array([], np.int64)], [np.array([], np.int64)], 0
    for span in spans:
        if span.starts.size:
            pieces.append(block[span.start : span.end])
            starts.append(span.starts - span.start + taken)
            lines.append(span.lines)
            taken += span.end - span.start
    rejects = [span.reject for span in spans if span.reject]
    inner_breaks = any(span.starts.size == 1 and span.height > 1 for span in spans)
    data, first = b"".join(pieces), np.concatenate(starts)
    return Records(data, first, np.concatenate(lines), consumed, next_line, inner_breaks, rejects)


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
    found = np.frombuffer(block if mark.encode() in block else b"", np.uint8) == ord(mark)
    return np.flatnonzero(found)


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
            position = max(_line_end(block, position + error.start), position + error.end)
    return broken


def _line_end(block: bytes, start: int) -> int:
    """La posición tras el próximo fin de línea; -1 si no hay ninguno."""
    match = LINE_END.search(block, start)
    return match.end() if match else -1


def _height(record: bytes) -> int:
    """Cuántas líneas físicas ocupa un registro."""
    return len(LINE_END.findall(record))


def _width(record: bytes, dialect: Dialect) -> int:
    """Cuántos campos tiene un registro bien formado."""
    return sum(1 for _ in _grammar(dialect).field.finditer(record))


@dataclass(frozen=True)
class Grammar:
    """Cómo es un registro completo, el comienzo de uno que puede seguir, y un campo con lo que lo acaba."""

    record: re.Pattern[bytes]
    unfinished: re.Pattern[bytes]
    field: re.Pattern[bytes]


@lru_cache
def _grammar(dialect: Dialect) -> Grammar:
    """La gramática de un dialecto.

    Los cuantificadores son posesivos (`*+`): no hay vuelta atrás, así que el tiempo es lineal. El de
    fuera es un grupo atómico, que es lo mismo: con él posesivo, un Python anterior a 3.11.5 se pierde
    cuando falla lo de dentro (gh-106052).
    """
    comma = re.escape(dialect.delimiter.encode())
    quote = re.escape(dialect.quote.encode()) if dialect.quote else b""
    escape = re.escape(dialect.escape.encode()) if dialect.escape else b""
    escaped = b"|" + escape + b"(?s:.)" if escape else b""
    # Un apóstrofo dentro de un valor («O'Donnell») es texto, aunque las comillas sean simples.
    first, banned = (b"(?!')", b"") if dialect.quote == "'" else (b"", quote)
    bare = first + b"(?:[^" + comma + banned + escape + rb"\r\n]" + escaped + b")*+"
    inside = b"(?:[^" + quote + escape + b"]|" + quote * 2 + escaped + b")*+"
    value = b"(?:" + quote + inside + quote + b"|" + bare + b")" if quote else bare
    end = rb"(?:\r\n|\n|\r)"
    # El bloque puede acabar tras una comilla (¿cierra, o es la primera de dos?) o un signo de escape.
    last = bare + (escape + b"?" if escape else b"")
    if quote:
        last = quote + inside + b"(?:" + quote + (b"|" + escape if escape else b"") + b")?|" + last
    return Grammar(
        record=re.compile(value + b"(?>(?:" + comma + value + b")*)" + end),
        unfinished=re.compile(b"(?>(?:" + value + comma + b")*)(?:" + last + rb")\Z"),
        field=re.compile(value + b"(?:" + comma + b"|" + end + b")"),
    )
