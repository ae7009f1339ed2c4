"""Separadores de varios bytes («||», «, », «§», columnas de espacios): se cambian por uno al leer.

Arrow y las gramáticas de `records.py` solo conocen separadores de un byte. `OneMark` los cambia en
los bytes por el separador de unidad de ASCII, y `Restored` lo deshace donde era parte de un texto.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import Chunk
from etl.errors import FileRefused
from etl.extract.delimited import DelimitedFile
from etl.extract.source import ByteStream

MARK = "\x1f"  # «unit separator»: para esto se inventó, y nadie lo usa en un texto


class OneMark:
    """Da los mismos bytes con el separador cambiado por `MARK`."""

    def __init__(self, stream: ByteStream, delimiter: str, skip_space: bool) -> None:
        self._stream = stream
        self._pending = b""
        mark = re.escape(delimiter.encode())
        self._edges: re.Pattern[bytes] | None = None
        if delimiter == " ":
            self._rule, self._edges = re.compile(b" +"), re.compile(rb"(?m)^ +| +(?=\r?$)")
        else:
            self._rule = re.compile(mark + (b" *" if skip_space else b""))

    def read(self, size: int) -> bytes:
        """Líneas enteras, para que ningún separador quede partido entre dos lecturas."""
        while True:
            data = self._stream.read(size)
            whole = self._pending + data
            end = len(whole) if not data else max(whole.rfind(b"\n"), whole.rfind(b"\r", 0, -1)) + 1
            self._pending = whole[end:]
            if end or not data:
                return self._changed(whole[:end])

    def _changed(self, text: bytes) -> bytes:
        if MARK.encode() in text:
            raise FileRefused("El archivo usa el carácter 0x1F además de su separador.", "Quítelo y repita.")
        if self._edges is not None:
            text = self._edges.sub(b"", text)
        return self._rule.sub(MARK.encode(), text)


class Restored:
    """El mismo documento, con el separador original dentro de los textos y de las filas apartadas."""

    def __init__(self, document: DelimitedFile, delimiter: str) -> None:
        self.header = document.header
        self._document = document
        self._delimiter = delimiter

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        for chunk in self._document.chunks(columns):
            yield self._restored(chunk)

    def _restored(self, chunk: Chunk) -> Chunk:
        arrays = [pc.replace_substring(column, MARK, self._delimiter) for column in chunk.columns.columns]
        rejects = [replace(item, raw=item.raw.replace(MARK, self._delimiter)) for item in chunk.rejects]
        return replace(
            chunk,
            columns=pa.table(arrays, names=chunk.columns.column_names),
            raw=lambda row: chunk.raw(row).replace(MARK, self._delimiter),
            rejects=rejects,
        )
