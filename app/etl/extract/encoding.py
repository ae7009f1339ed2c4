"""De los bytes de un archivo, en la codificación que estén, a bytes en UTF-8.

`effective_encoding` dice en qué está escrito; `Utf8Stream` lo pasa a UTF-8 según se lee. Lo que no
se puede leer sigue siendo ilegible después: `careful.py` aparta esas líneas, no las inventa.
"""

import codecs
from typing import Protocol

BOMS = {
    codecs.BOM_UTF8: "utf-8",
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
            text = raw if self._decoder is None else self._to_utf8(raw)
            # Un decodificador puede guardarse un byte suelto: no es todavía el final.
            if text or not raw:
                break
        if self._start:
            self._start = False
            text = text.removeprefix(codecs.BOM_UTF8)
        return text

    def _to_utf8(self, raw: bytes) -> bytes:
        assert self._decoder is not None
        return self._decoder.decode(raw, final=not raw).encode("utf-8", "surrogateescape")


def effective_encoding(sample: bytes, declared: str) -> str:
    """La codificación con que se leerá un archivo que empieza por `sample`.

    Manda la marca (BOM); si no la hay, lo declarado. Un «UTF-8» sin un solo carácter no ASCII
    correcto y con alguno incorrecto es Latin-1, o cp1252 si usa sus caracteres propios (€, “, ”).
    """
    for mark, encoding in BOMS.items():
        if sample.startswith(mark):
            return encoding
    if declared not in ("utf-8", "auto") or sample.isascii():
        return "utf-8" if declared == "auto" else declared
    right, wrong = _utf8_characters(sample)
    if right or not wrong:
        return "utf-8"
    return "cp1252" if any(0x80 <= byte <= 0x9F for byte in set(sample)) else "latin-1"


def _utf8_characters(sample: bytes) -> tuple[int, int]:
    """Cuántos caracteres no ASCII son UTF-8 correcto y cuántos bytes no lo son."""
    # El corte de la muestra puede partir el último carácter: se juzgan solo líneas enteras.
    text = (sample[: sample.rfind(b"\n") + 1] or sample).decode("utf-8", "surrogateescape")
    outside = [character for character in text if character > "\x7f"]
    wrong = sum("\udc80" <= character <= "\udcff" for character in outside)
    return len(outside) - wrong, wrong
