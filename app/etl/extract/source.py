"""Abre un archivo una sola vez: bytes en orden, contados y con su huella SHA-256; los de texto, en UTF-8.

Un `Source` es un archivo, o algo que está dentro de otro; los encuentra `discover.py`. La huella se calcula
con los mismos bytes que se cargan, al leerlos. Lo que no se puede leer en la codificación del archivo sigue siendo
ilegible en UTF-8: `records.py` aparta esas líneas, no las inventa. Lo siguiente es `read.py`, que elige el formato.
"""

import codecs
import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from etl.errors import FileRefused

GZIP = ".gz"
HASH_BLOCK = 1 << 20
# Un CSV comprime entre 3 y 30 veces. Se cuenta lo que de verdad sale, no lo que el archivo dice ser.
BOMB_RATIO, BOMB_BYTES = 200, 64 << 20

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


# Da los bytes sin comprimir de un archivo abierto.
Unpack = Callable[["Source", "Opened"], AbstractContextManager[ByteStream]]


@dataclass(frozen=True)
class Source:
    """Un archivo por cargar, o uno de los que hay dentro de él.

    `name` es como figura en el libro de cargas: con su ruta dentro de la carpeta de datos o, si está
    fuera, entera: dos archivos que se llaman igual en carpetas distintas no se toman por el mismo.
    `content` es cómo se llaman los datos («pedidos.csv» en pedidos.csv.gz) y `unpack` está si no son los
    bytes del archivo tal cual.
    """

    path: Path
    name: str
    content: str
    unpack: Unpack | None = None
    # Lo que `name` lleva tras el nombre del archivo: «/miembro», «/hoja» o nada.
    inside: str = ""
    # La hoja de un libro o la tabla de un SQLite; `part` solo si hay varias.
    part: str | None = None
    part_name: str | None = None
    refusal: str | None = None  # por qué no se debe ni abrir
    folder: Path | None = None  # la carpeta de datos

    @property
    def suffix(self) -> str:
        return Path(self.content).suffix.lower()


class Opened:
    """Los bytes de un archivo según se leen: cuántos van, su huella y si cambió mientras tanto."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: BinaryIO = open(path, "rb")  # noqa: SIM115 - lo cierra `opened`
        self.before = os.fstat(self.file.fileno())
        self.size = self.before.st_size
        self.digest = hashlib.sha256()
        self.bytes_read = 0
        # Los que se leen por otro lado, a saltos: de un .zip, los de su miembro.
        self.beside = 0

    @property
    def closed(self) -> bool:
        return self.file.closed

    def read(self, size: int = -1, /) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        self.bytes_read += len(data)
        return data

    def close(self) -> None:
        """No hace nada: Arrow quiere cerrar lo que descomprime, y aquí falta leer hasta el final la huella."""

    def finish(self) -> str:
        """Lee lo que falte y devuelve la huella; `FileRefused` si el archivo cambió entretanto."""
        while self.read(HASH_BLOCK):
            pass
        self.check_unchanged()
        return self.digest.hexdigest()

    def check_unchanged(self) -> None:
        """`FileRefused` si el archivo creció, se reescribió o se cambió por otro."""
        now, before = self.path.stat() if self.path.exists() else None, self.before
        if (
            now is None
            or not os.path.samestat(now, before)
            or (now.st_size, now.st_mtime_ns, now.st_ctime_ns)
            # La última porque la de modificación se puede poner a mano.
            != (before.st_size, before.st_mtime_ns, before.st_ctime_ns)
            or self.bytes_read > self.size
        ):
            raise FileRefused("El archivo cambió mientras se leía.", "Espere a que esté completo y repita la carga.")


@contextmanager
def opened(source: Source) -> Iterator[Opened]:
    """Abre el archivo de `source`. Solo archivos normales: una tubería (FIFO) bloquearía la carga."""
    if source.refusal:
        raise FileRefused(source.refusal, "Descomprímalo a mano si se fía de él, o copie el archivo.")
    try:
        if not stat.S_ISREG(source.path.stat().st_mode):
            raise FileRefused("No es un archivo normal.", "Copie los datos a un archivo de la carpeta.")
        file = Opened(source.path)
    except OSError as error:
        raise FileRefused(f"No se puede abrir: {error.strerror}.", "Revise que exista y sus permisos.") from error
    with file.file:
        yield file


def fingerprint(source: Source) -> str:
    """La huella SHA-256 del archivo, sin cargarlo. Lanza `FileRefused` si no se puede leer."""
    with opened(source) as file:
        return file.finish()


@contextmanager
def decompressed(source: Source, file: Opened) -> Iterator[ByteStream]:
    """Los bytes ya sin comprimir de `source`. Lanza `FileRefused` si la compresión está dañada."""
    if source.unpack is None:
        yield file
    else:
        with source.unpack(source, file) as stream:
            yield Limited(stream, file.size)


@contextmanager
def gunzip(_source: Source, file: Opened) -> Iterator[ByteStream]:
    """Los bytes de un archivo comprimido con gzip."""
    yield gzip.GzipFile(fileobj=file)  # type: ignore[call-overload]


def damaged(error: Exception) -> FileRefused:
    return FileRefused(f"El archivo comprimido está dañado o cortado: {error}.", "Descárguelo o cópielo de nuevo.")


def bomb(unpacked: int, packed: int) -> str | None:
    """Por qué no se lee lo que sale de `packed` bytes, si es desmesurado."""
    if unpacked <= max(BOMB_BYTES, BOMB_RATIO * packed):
        return None
    return f"Descomprimido ocupa más de {BOMB_RATIO} veces lo que comprimido: parece una bomba."


def refuse_bomb(unpacked: int, packed: int, cure: str = "descomprímalo en la carpeta") -> None:
    """Lanza `FileRefused` si lo que sale de `packed` bytes es desmesurado. `cure`: qué hacer si es de fiar."""
    if told := bomb(unpacked, packed):
        raise FileRefused(told, f"Si es de fiar, {cure}.")


class Limited:
    """Los mismos bytes, mientras no sean desmesuradamente más que los del archivo comprimido."""

    def __init__(self, stream: ByteStream, compressed: int) -> None:
        self._stream = stream
        self._compressed, self._unpacked = compressed, 0

    def read(self, size: int, /) -> bytes:
        try:
            data = self._stream.read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise damaged(error) from error
        self._unpacked += len(data)
        refuse_bomb(self._unpacked, self._compressed)
        return data


class Rewound:
    """Una fuente a la que se le devuelve lo que ya se leyó de ella para mirarlo."""

    def __init__(self, seen: bytes, rest: ByteStream) -> None:
        self._seen = seen
        self.rest = rest

    def read(self, size: int, /) -> bytes:
        if not self._seen:
            return read_fully(self.rest, size)
        data, self._seen = self._seen[:size], self._seen[size:]
        return data


def read_fully(stream: ByteStream, size: int) -> bytes:
    """`size` bytes, o menos solo al final: un descompresor puede dar menos de lo que se le pide."""
    pieces: list[bytes] = []
    while size > 0 and (data := stream.read(size)):
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)


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
