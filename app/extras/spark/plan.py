"""Corta un archivo en partes que se pueden leer por separado con el mismo resultado.

Entra un archivo abierto y salen `Part`. Un archivo de texto sin comprimir se recorre una vez con
el mismo código que lo leería entero, pero sin separar columnas: da los puntos seguros por donde
cortar (nunca dentro de unas comillas) y la línea en que empieza cada parte. Lo comprimido, los
libros y JSON lines no se pueden empezar a leer por la mitad: son una sola parte.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace

from etl.extract.delimited import DelimitedFile
from etl.extract.read import Text
from etl.extract.source import Source, Utf8Stream

# Codificaciones en que un carácter es un byte: se sabe a qué byte corresponde cada carácter.
SINGLE_BYTE = ("ascii", "iso8859-1", "iso8859-15", "cp1252", "cp850")
# Más partes que estas solo añaden tablas de paso; en un archivo enorme, las partes son mayores.
MOST_PARTS = 400
# Con partes menores, repartir cuesta tanto como validar; en un archivo pequeño, no obstante, que
# haya para todos los núcleos.
PART, PARTS_PER_CORE = 8 << 20, 2


@dataclass(frozen=True)
class Part:
    """Un tramo de un archivo: desde qué byte hasta cuál, y la línea en que empieza.

    Sin `end`, el archivo entero. `size` y `mtime_ns` son los del archivo que vio el conductor: el
    ejecutor debe ver el mismo.
    """

    source: Source
    size: int
    mtime_ns: int
    start: int = 0
    end: int | None = None
    line: int = 1


def plan(source: Source, text: Text, cores: int) -> Iterator[Part]:
    """Las partes del archivo, en orden. Si se puede cortar, lo lee hasta el final."""
    file, document, encoding = text.file, text.document, text.encoding
    whole = Part(source, file.size, file.before.st_mtime_ns)
    if not isinstance(document, DelimitedFile) or not _can_split(source, encoding or ""):
        yield whole
        return
    least = max(file.size // MOST_PARTS, min(PART, file.size // (cores * PARTS_PER_CORE)))
    part = replace(whole, start=_position(document, encoding), line=document.line)
    for _ in document.records():
        end = min(_position(document, encoding), file.size)
        if end - part.start >= least:
            yield replace(part, end=end)
            part = replace(whole, start=end, line=document.line)
    if part.start < file.size:
        yield replace(part, end=file.size)


def _can_split(source: Source, encoding: str) -> bool:
    if source.unpack:
        return False
    return encoding == "utf-8" or codecs.lookup(encoding).name in SINGLE_BYTE


def _position(document: DelimitedFile, encoding: str | None) -> int:
    """El byte del archivo en que sigue la lectura: lo leído menos lo que quedó pendiente."""
    pending = document.pending
    waiting = len(pending) if encoding == "utf-8" else len(pending.decode("utf-8", "surrogateescape"))
    assert isinstance(document.stream, Utf8Stream)
    return document.stream.bytes_read - waiting
