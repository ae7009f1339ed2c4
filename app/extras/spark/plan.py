"""Corta un archivo en partes que se pueden leer por separado con el mismo resultado.

Entra un archivo abierto y salen `Part`. Un archivo de texto sin comprimir se corta primero a ojo, sin leerlo (`plan`);
dónde empieza de verdad un registro y cuántas líneas hay hasta el siguiente corte lo miran los ejecutores, cada uno lo
suyo (`cut.py`), y aquí se comprueba que una parte acaba donde empieza la otra (`settle`). Un Parquet se reparte por
grupos de filas. Lo comprimido y los libros no se pueden empezar a leer por la mitad: son una sola parte.
"""

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from etl.errors import EtlError
from etl.extract.delimited import DelimitedFile
from etl.extract.jsonl import JsonLinesFile
from etl.extract.read import Text
from etl.extract.source import Opened, Source, Utf8Stream

# Codificaciones en que un carácter es un byte: se sabe a qué byte corresponde cada carácter.
SINGLE_BYTE = ("ascii", "iso8859-1", "iso8859-15", "cp1252", "cp850")
# Con partes menores, repartir cuesta tanto como validar; en un archivo de pocos megas, no obstante, que haya para todos
# los núcleos, pero ninguna de menos de uno (`SMALL`). Ni mayores de 128: cada una se mezcla con una sentencia, y son dos
# tablas de paso.
PART, PARTS_PER_CORE, SMALL, MOST_BYTES, MOST_PARTS = 8 << 20, 2, 8, 128 << 20, 400


@dataclass(frozen=True)
class Part:
    """Un tramo de un archivo: desde qué byte (o grupo de filas) hasta cuál, y la línea en que empieza.

    Sin `end`, el archivo entero; sin `line`, los extremos son a ojo. `size` y `mtime_ns` son los del archivo que vio
    el conductor: el ejecutor debe ver el mismo. `done`: cuántos bytes van leídos con ella.
    """

    source: Source
    size: int
    mtime_ns: int
    start: int = 0
    end: int | None = None
    line: int = 1
    done: int = 0


@dataclass(frozen=True)
class Cut:
    """Un tramo medido. `whole`: acaba donde acaba un registro; `error`: lo que no deja leerlo."""

    start: int
    end: int
    lines: int = 0
    whole: bool = True
    error: EtlError | None = None


def plan(source: Source, text: Text, cores: int) -> list[Part]:
    """Las partes del archivo, en orden; las de un texto, cortadas a ojo."""
    size = text.file.size
    whole = Part(source, size, text.file.before.st_mtime_ns, done=size)
    least = max(size // MOST_PARTS, min(PART, size // (cores * PARTS_PER_CORE)), PART // SMALL)
    least = min(least, MOST_BYTES)
    groups = len(getattr(text.document, "groups", ()))
    step = max(1, groups * least // max(size, 1))
    if source.unpack is None and groups > step:
        ends = [(at, min(at + step, groups)) for at in range(0, groups, step)]
        return [replace(whole, start=start, end=end, done=size * end // groups) for start, end in ends]
    first = _first_byte(source, text)
    if first is None or size - first < 2 * least:
        return [whole]
    cuts = [*range(first, size - least + 1, least), size]
    nominal = [replace(whole, start=start, end=end, line=0) for start, end in pairwise(cuts)]
    line = text.document.line if isinstance(text.document, DelimitedFile) else 1
    return [replace(nominal[0], line=line), *nominal[1:]]


def settle(nominal: list[Part], cuts: Iterable[Cut], measure: Callable[[int, int], Cut]) -> Iterator[Part]:
    """Las partes de verdad: cada una empieza donde acaba la anterior, y se sabe en qué línea.

    Si un corte cayó dentro de un registro (unas comillas con saltos de línea), su tramo y el siguiente son uno solo,
    que se mide otra vez con `measure`.
    """
    start, line = nominal[0].start, nominal[0].line
    for cut in cuts:
        found = cut if cut.start == start else measure(start, cut.end)
        if found.error:  # que falle al cargarlo, con su línea
            yield replace(nominal[0], start=start, end=nominal[0].size, line=line)
            return
        if found.whole and found.end > start:
            yield replace(nominal[0], start=start, end=found.end, line=line, done=found.end)
            start, line = found.end, line + found.lines


def _first_byte(source: Source, text: Text) -> int | None:
    """Dónde empiezan las filas; nada si no se puede empezar a leer por la mitad."""
    encoding, document = text.encoding or "", text.document
    if source.unpack or not (encoding == "utf-8" or (encoding and codecs.lookup(encoding).name in SINGLE_BYTE)):
        return None
    if isinstance(document, DelimitedFile):
        waiting = document.pending if encoding == "utf-8" else document.pending.decode("utf-8", "surrogateescape")
        assert isinstance(document.stream, Utf8Stream)
        return document.stream.bytes_read - len(waiting)
    if isinstance(document, JsonLinesFile) and document.first and document.first[0][0] == 1:
        # Si es una lista, u objetos en varias líneas, lo que se lee no son las líneas del archivo.
        return 0 if _starts_with(text.file, document.first[0][1]) else None
    return None


def _starts_with(file: Opened, raw: bytes) -> bool:
    with file.path.open("rb") as again:
        return again.read(len(codecs.BOM_UTF8) + len(raw) + 1).removeprefix(codecs.BOM_UTF8).startswith(raw + b"\n")
