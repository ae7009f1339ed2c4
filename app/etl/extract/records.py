"""Corta bytes en registros sin fiarse de las comillas: qué filas tienen la forma del archivo y cuáles no.

Entra un bloque de texto en UTF-8 y salen sus registros completos, la línea física en que empieza
cada uno y las líneas apartadas con su motivo. Lo usa `delimited.py`. Tres caminos, del más rápido
al más paciente, con el mismo resultado:

  1. sin nada sospechoso, cada línea es un registro;
  2. con comillas bien puestas, un salto de línea entre comillas no corta (numpy, sin bucles);
  3. con algo mal puesto (`careful.py`), se aparta solo la línea que no encaja.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from etl.chunk import Reject
from etl.dialect import Dialect

LF = 10


@dataclass
class Records:
    """Registros completos, uno tras otro en `data`, y lo que se apartó al buscarlos.

    `lines`: línea física de cada registro. `inner_breaks`: alguno ocupa varias líneas.
    `consumed`: bytes del bloque ya vistos. `next_line`: la línea que sigue a ellos.
    """

    data: bytes
    lines: np.ndarray
    consumed: int
    next_line: int
    inner_breaks: bool = False
    rejects: list[Reject] = field(default_factory=list)
    starts: np.ndarray | None = None

    def raw(self, row: int) -> str:
        """El texto original de un registro, sin su fin de línea."""
        end = self._starts[row + 1] if row + 1 < len(self._starts) else len(self.data)
        return readable(self.data[self._starts[row] : end])

    @cached_property
    def _starts(self) -> np.ndarray:
        # Solo lo piden los rechazos: un bloque sin ellos no paga la búsqueda.
        if self.starts is not None:
            return self.starts
        return np.concatenate([[0], line_breaks(self.data)[:-1] + 1])


def readable(raw: bytes) -> str:
    r"""Bytes como texto que PostgreSQL puede guardar: lo que no es UTF-8, y el NUL, como «\xNN»."""
    return raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def line_breaks(data: bytes) -> np.ndarray:
    """Posiciones de los «\\n»."""
    return np.flatnonzero(np.frombuffer(data, np.uint8) == LF)


def split_plain(lines: bytes, line: int) -> Records:
    """Camino 1: ni comillas ni nada raro; `lines` son líneas completas."""
    count = lines.count(b"\n")
    return Records(lines, np.arange(line, line + count), len(lines), line + count)


def split_quoted(lines: bytes, dialect: Dialect, line: int) -> Records | None:
    """Camino 2: comillas según RFC 4180. `None` si alguna no está donde debe.

    En un texto bien escrito las comillas alternan: una abre y la siguiente cierra («""» es cerrar
    y volver a abrir). La que abre va tras un separador o un salto; la que cierra, antes de ellos.
    """
    data = np.frombuffer(lines, np.uint8)
    quote, delimiter = ord(dialect.quote or '"'), ord(dialect.delimiter)
    quotes = np.flatnonzero(data == quote)
    breaks = np.flatnonzero(data == LF)
    outside = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    if not outside.size:
        return None
    consumed = int(outside[-1]) + 1
    quotes = quotes[quotes < consumed]
    before = data[quotes[0::2] - 1]
    before[:1] = LF if quotes.size and quotes[0] == 0 else before[:1]
    after = data[quotes[1::2] + 1]
    if not (
        np.isin(before, [delimiter, LF, quote]).all() and np.isin(after, [delimiter, LF, 13, quote]).all()
    ):
        return None
    starts = np.concatenate([[0], outside[:-1] + 1])
    inside_before = np.searchsorted(breaks, starts)
    next_line = line + int(np.searchsorted(breaks, consumed))
    return Records(
        lines[:consumed],
        line + inside_before,
        consumed,
        next_line,
        inner_breaks=len(starts) < next_line - line,
        starts=starts,
    )


def is_regular(lines: bytes) -> bool:
    """Sin NUL, sin retornos sueltos, sin líneas en blanco y en UTF-8: apto para los caminos 1 y 2."""
    if b"\0" in lines or b"\n\n" in lines or lines[:1] in (b"\n", b"\r"):
        return False
    if b"\r" in lines and (b"\n\r" in lines or lines.count(b"\r") != lines.count(b"\r\n")):
        return False
    return lines.isascii() or is_utf8(lines)


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
