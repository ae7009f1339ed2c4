"""En un ejecutor: dónde empieza y acaba de verdad una parte cortada a ojo, y cuántas líneas tiene.

Entra una `Part` y sale un `Cut`, sin separar columnas ni validar nada. Dos ejecutores que miran el mismo corte ven el
mismo registro: el primero, a partir de él, al que siguen otros bien formados.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from etl.chunk import Chunk
from etl.dialect import Dialect
from etl.errors import EtlError
from etl.extract.delimited import DelimitedFile, csv_reader
from etl.extract.jsonl import ROWS, JsonLinesFile, numbered_lines
from etl.extract.source import ByteStream, Opened, Source, Utf8Stream, opened
from extras.spark.plan import Cut, Part

# Lo que se mira tras un corte, cuántos saltos de línea se prueban y cuántos registros deben seguir a uno.
WINDOW, MOST_TRIED, FOLLOWING = 64 << 10, 200, 3
READ = 1 << 20


class Layout:
    """Cómo es un archivo de texto, ya con su cabecera leída y sin nada abierto; viaja a los ejecutores."""

    def __init__(self, document: DelimitedFile | JsonLinesFile, encoding: str, dialect: Dialect) -> None:
        self.encoding = encoding
        self.dialect = dialect
        self.document: DelimitedFile | JsonLinesFile
        if isinstance(document, DelimitedFile):
            self.document = replace(document, stream=_Nothing(), pending=b"")
        else:
            self.document = replace(document, lines=iter(()), first=[])

    def chunks(self, file: Opened, part: Part, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas de una parte, por trozos."""
        assert part.end is not None
        text = self._text(file, part.start, part.end)
        if isinstance(self.document, DelimitedFile):
            # Lo que quedara a medias, que no debe, se apartaría; perderse, no.
            yield from replace(self.document, stream=text, line=part.line).chunks(columns)
            return
        lines = numbered_lines(text, part.line)
        document = replace(self.document, lines=lines, first=list(islice(lines, ROWS)))
        for chunk in document.chunks(columns):
            yield replace(chunk, also=self.dialect)  # como en `read`

    def measured(self, file: Opened, start: int, end: int) -> Cut:
        """Las líneas de un tramo, y si acaba con un registro entero; o lo que no deja leerlo."""
        if start >= end:
            return Cut(start, end)
        if isinstance(self.document, JsonLinesFile):
            stretch = Stretch(file, start, end)
            return Cut(start, end, sum(data.count(b"\n") for data in iter(lambda: stretch.read(READ), b"")))
        text = self._text(file, start, end)
        document = replace(self.document, stream=text, line=1, to_end=end == file.size)
        try:
            for _ in document.records():
                pass
        except EtlError as error:
            return Cut(start, end, error=error)
        return Cut(start, end, document.line - 1, not document.pending)

    def _text(self, file: Opened, start: int, end: int) -> Utf8Stream:
        return Utf8Stream(Stretch(file, start, end), self.encoding, at_start=start == 0)

    def record_start(self, file: Opened, at: int) -> int:
        """El primer byte, desde `at`, en que parece empezar un registro."""
        first = None
        while at < file.size:
            file.file.seek(at)
            window = file.file.read(WINDOW)
            for found in islice(re.finditer(b"\n", window), MOST_TRIED):
                start = found.end()
                first = first or at + start
                if isinstance(self.document, JsonLinesFile) or self._is_record(self.document, window[start:]):
                    return at + start
            if first:
                return first
            at += len(window)
        return file.size

    def _is_record(self, document: DelimitedFile, raw: bytes) -> bool:
        text = raw if self.encoding == "utf-8" else raw.decode(self.encoding, "replace").encode()
        records = document.split(text[: text.rfind(b"\n") + 1], document.dialect, len(document.header), 1, False)
        rows = [records.raw(row) for row in range(min(FOLLOWING, len(records.lines)))]
        if not rows or any(reject.line <= FOLLOWING for reject in records.rejects):
            return False
        read = (next(csv_reader(row.splitlines(keepends=True), document.dialect), []) for row in rows)
        return all(len(values) == len(document.header) for values in read)


def cut_part(layout: Layout, part: Part) -> Cut:
    """La tarea de Spark: busca los extremos de una parte cortada a ojo y la mide."""
    assert part.end is not None
    try:
        with opened(part.source) as file:
            start = part.start if part.line else layout.record_start(file, part.start)
            end = part.size if part.end == part.size else layout.record_start(file, part.end)
            return layout.measured(file, start, end)
    except EtlError as error:  # no se puede ni abrir: lo dirá quien lo cargue
        return Cut(part.start, part.end, error=error)


def measure(layout: Layout, source: Source, start: int, end: int) -> Cut:
    """Mide un tramo cuyos extremos ya se saben."""
    with opened(source) as file:
        return layout.measured(file, start, end)


class Stretch:
    """Los bytes de un archivo desde uno hasta otro, y luego nada más."""

    def __init__(self, file: Opened, start: int, end: int) -> None:
        file.file.seek(start)
        self._stream: ByteStream = file
        self._left = end - start

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data


class _Nothing:
    def read(self, _size: int, /) -> bytes:
        return b""
