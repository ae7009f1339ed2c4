"""Corta bytes en registros sin fiarse de las comillas: qué filas tienen la forma del archivo y cuáles no.

Entra un bloque de texto en UTF-8 y salen sus registros completos, la línea física en que empieza cada uno y las líneas
apartadas con su motivo. Cada registro pasa por una gramática estricta. La línea que no encaja, o en que hay un NUL o
bytes que no son UTF-8, se aparta sola y se sigue en la siguiente: una comilla sin cerrar no se lleva consigo el resto
del archivo. Lo usa `delimited.py`; otro más rápido, con el mismo resultado, lo puede traer `Reading` (`read.py`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from etl.chunk import Reject
from etl.dialect import Dialect

# Un registro que ocupa más no es un registro: es una comilla que nadie cerró.
RECORD_LIMIT = 1 << 20
LINE_END = re.compile(rb"\r\n|\n|\r")

BAD_QUOTE = (
    "comillas fuera de sitio o sin cerrar; si son parte del texto, duplíquelas y encierre el campo entre comillas"
)
BAD_BYTES = "hay bytes que no son de la codificación del archivo; guárdelo entero en una sola codificación"
BAD_NUL = "hay un carácter NUL; PostgreSQL no lo admite en un texto"


@dataclass
class Records:
    """Registros completos, uno tras otro en `data`, y lo que se apartó al buscarlos.

    `starts`: dónde empieza cada uno; `lines`: en qué línea física; `inner_breaks`: alguno ocupa
    varias. `consumed`: bytes del bloque ya vistos; `next_line`: la línea que sigue a ellos.
    """

    data: bytes
    starts: np.ndarray
    lines: np.ndarray
    consumed: int
    next_line: int
    inner_breaks: bool = False
    rejects: list[Reject] = field(default_factory=list)

    def raw(self, row: int) -> str:
        """El texto original de un registro, sin su fin de línea."""
        end = self.starts[row + 1] if row + 1 < len(self.starts) else len(self.data)
        return readable(self.data[self.starts[row] : end])


def readable(raw: bytes) -> str:
    r"""Bytes como texto que PostgreSQL puede guardar: lo que no es UTF-8, y el NUL, como «\xNN»."""
    return raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# De un bloque: cómo está escrito el archivo, cuántos campos tiene una fila, en qué línea empieza y si es el último.
Split = Callable[[bytes, Dialect, int, int, bool], Records]


@dataclass(frozen=True)
class Span:
    """Un registro, una línea en blanco o una apartada: dónde acaba y cuántas líneas físicas ocupa."""

    end: int
    height: int
    is_row: bool = False
    reject: Reject | None = None


def split(block: bytes, dialect: Dialect, fields: int, line: int, at_end: bool) -> Records:
    """Los registros de `block` y las líneas apartadas; lo que queda a medias no se consume.

    `fields` es cuántos campos tiene una fila: un registro de varias líneas con otro número de
    campos es una comilla sin cerrar. Con `at_end` no hay bloque siguiente y nada queda a medias.
    """
    found = Records(b"", np.array([]), np.array([]), 0, line)
    pieces, lines = [], []
    while found.consumed < len(block):
        span = one_record(block, found.consumed, dialect, fields, found.next_line, at_end)
        if span is None:
            break
        if span.is_row:
            pieces.append(block[found.consumed : span.end])
            lines.append(found.next_line)
            found.inner_breaks |= span.height > 1
        found.rejects += [span.reject] if span.reject else []
        found.consumed, found.next_line = span.end, found.next_line + span.height
    ends = np.cumsum([0, *map(len, pieces)])
    found.data, found.starts, found.lines = b"".join(pieces), ends[:-1], np.array(lines, np.int64)
    return found


def one_record(block: bytes, start: int, dialect: Dialect, fields: int, line: int, at_end: bool) -> Span | None:
    """El registro que empieza en `start`; `None` si puede acabar en el bloque siguiente."""
    grammar = _grammar(dialect)
    match = grammar.record.match(block, start)
    if not at_end and (match is None or _may_be_half(block, match.end())):
        end = line_end(block, start)
        short = len(block) - start < RECORD_LIMIT
        if end < 0 or _may_be_half(block, end):
            return None
        if short and (match or grammar.unfinished.match(block, start)):
            return None
    raw = match.group() if match else b""
    height = _height(raw)
    if match is None or (height > 1 and len(grammar.field.findall(raw)) != fields):
        return _set_aside(block, start, line_end(block, start), line, 1, "quote", BAD_QUOTE)
    if b"\0" in raw:
        return _set_aside(block, start, match.end(), line, height, "nul", BAD_NUL)
    if not is_utf8(raw):
        return _set_aside(block, start, match.end(), line, height, "encoding", BAD_BYTES)
    return Span(match.end(), height, bool(raw.strip(b"\r\n")))


def _may_be_half(block: bytes, end: int) -> bool:
    """Si el fin de línea está justo al final del bloque y puede ser la mitad de un «\\r\\n»."""
    return end == len(block) and block.endswith(b"\r")


def _set_aside(block: bytes, start: int, end: int, line: int, height: int, code: str, message: str) -> Span:
    return Span(end, height, reject=Reject(line, readable(block[start:end]), None, None, code, message))


def line_end(block: bytes, start: int) -> int:
    """La posición tras el próximo fin de línea; -1 si no hay ninguno."""
    match = LINE_END.search(block, start)
    return match.end() if match else -1


def _height(record: bytes) -> int:
    """Cuántas líneas físicas ocupa un registro."""
    return len(LINE_END.findall(record))


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
