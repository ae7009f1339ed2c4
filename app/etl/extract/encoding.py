"""De los bytes de un archivo, en la codificación que estén, a bytes en UTF-8.

`marked_encoding` dice en qué está escrito; `Utf8Stream` lo pasa a UTF-8 según se lee. Lo que no
se puede leer sigue siendo ilegible después: `careful.py` aparta esas líneas, no las inventa.
"""

import codecs
from typing import Protocol

# UTF-32 antes que UTF-16: sus primeros dos bytes son los mismos.
BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Lo que no se puede leer pasa a ser el byte 0xFF, imposible en UTF-8.
UNREADABLE = "etl_unreadable"
codecs.register_error(UNREADABLE, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


class ByteStream(Protocol):
    """Cualquier cosa de la que se puedan leer bytes por orden."""

    def read(self, size: int, /) -> bytes: ...


class Utf8Stream:
    """Lee de `stream` y entrega UTF-8 sin marca de orden (BOM).

    `at_start`: si `stream` empieza donde el archivo; en medio de él no hay marcas.
    `bytes_read`: cuántos bytes de la fuente van leídos.
    """

    def __init__(self, stream: ByteStream, encoding: str, at_start: bool = True) -> None:
        self._stream = stream
        self._start = at_start
        self.bytes_read = 0
        utf8 = encoding == "utf-8"
        self._decoder = None if utf8 else codecs.getincrementaldecoder(encoding)(UNREADABLE)

    def read(self, size: int) -> bytes:
        """Hasta `size` bytes de la fuente (su UTF-8 puede ocupar más); vacío solo al final."""
        while True:
            raw = self._stream.read(size)
            self.bytes_read += len(raw)
            text = raw
            if self._decoder is not None:
                text = self._decoder.decode(raw, final=not raw).encode("utf-8", "surrogateescape")
            # Un decodificador puede guardarse un byte suelto: no es todavía el final.
            if text or not raw:
                break
        if self._start:
            self._start = False
            text = text.removeprefix(codecs.BOM_UTF8)
        return text


def marked_encoding(sample: bytes, declared: str) -> str:
    """La codificación que dice la marca (BOM) de un archivo que empieza por `sample`; sin marca, la declarada."""
    marked = next((encoding for mark, encoding in BOMS.items() if sample.startswith(mark)), None)
    return marked or ("utf-8" if declared == "auto" else declared)
