"""Corta bytes en registros sin fiarse de las comillas: qué filas tienen la forma del archivo y cuáles no.

Entra un bloque de texto en UTF-8 y salen sus registros completos, la línea física en que empieza
cada uno y las líneas apartadas con su motivo. Lo usa `delimited.py`. Tres caminos, del más rápido
al más paciente, con el mismo resultado:

  1. sin nada sospechoso, cada línea es un registro;
  2. con comillas bien puestas, un salto de línea entre comillas no corta (numpy, sin bucles);
  3. con algo mal puesto (`careful.py`), se aparta solo la línea que no encaja.
"""

from dataclasses import dataclass, field

import numpy as np

from etl.chunk import Reject
from etl.dialect import Dialect

LF, CR = 10, 13


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


def line_breaks(data: bytes) -> np.ndarray:
    """Posiciones de los «\\n»."""
    return np.flatnonzero(np.frombuffer(data, np.uint8) == LF)


def split_regular(block: bytes, dialect: Dialect, fields: int, line: int) -> Records | None:
    """Los registros de un bloque de líneas enteras, o `None` si algo pide mirarlo con cuidado."""
    if not block.endswith(b"\n") or not _has_regular_bytes(block):
        return None
    breaks = line_breaks(block)
    if _has_blank_line(block, breaks):
        return None
    if not dialect.quote or dialect.quote.encode() not in block:
        return Records(
            block,
            np.concatenate([[0], breaks[:-1] + 1]),
            np.arange(line, line + len(breaks)),
            len(block),
            line + len(breaks),
        )
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
    quotes = np.flatnonzero(data == quote)
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


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
