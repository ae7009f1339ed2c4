"""Abre un archivo una sola vez: bytes en orden, contados y con su huella SHA-256.

Un `Source` es un archivo, o un miembro de un `.zip`; los encuentra `discover.py`. La huella se calcula
con los mismos bytes que se cargan, al leerlos. Lo siguiente es `read.py`, que elige el formato.
"""

import bz2
import gzip
import hashlib
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

import pyarrow as pa

from etl.errors import FileRefused
from etl.extract.encoding import ByteStream

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
HASH_BLOCK = 1 << 20
# Un CSV comprime entre 3 y 30 veces. Se cuenta lo que de verdad sale, no lo que el archivo dice ser.
BOMB_RATIO, BOMB_BYTES = 200, 64 << 20


# Lo que lanzan gzip, bz2, lzma, zipfile y Arrow ante un archivo comprimido que no está entero.
DAMAGED = (EOFError, OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Source:
    """Un archivo por cargar, o un miembro de un `.zip`.

    `name` es como figura en el libro de cargas: con su ruta dentro de la carpeta de datos, para
    que dos archivos que se llaman igual en subcarpetas distintas no se tomen por el mismo.
    """

    path: Path
    name: str
    member: str | None = None
    # La hoja de un libro o la tabla de un SQLite; `part` solo si hay varias.
    part: str | None = None
    part_name: str | None = None
    refusal: str | None = None  # por qué no se debe ni abrir

    @property
    def content_name(self) -> str:
        """El nombre sin compresión: «ventas.csv» para «ventas.csv.gz»."""
        name = Path(self.member or self.path.name).name
        return name[: -len(Path(name).suffix)] if name.lower().endswith(COMPRESSED) else name

    @property
    def packed(self) -> bool:
        """Si lo que se lee no es el archivo tal cual, sino lo que hay comprimido en él."""
        return self.member is not None or self.path.name != self.content_name

    @property
    def suffix(self) -> str:
        return Path(self.content_name).suffix.lower()

    @property
    def stem(self) -> str:
        return Path(self.content_name).stem

    @property
    def inside(self) -> str:
        """Lo que `name` lleva tras el nombre del archivo: «/miembro», «/hoja» o nada."""
        return f"/{self.member or self.part}" if self.member or self.part else ""

    @property
    def table_stem(self) -> str:
        """De qué sale el nombre de su tabla en `staging`: «libro Hoja 2» para una hoja de varias."""
        return f"{self.stem} {self.part}" if self.part else self.stem


class Opened:
    """Los bytes de un archivo según se leen: cuántos van, su huella y si cambió mientras tanto."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: BinaryIO = open(path, "rb")  # noqa: SIM115 - lo cierra `opened`
        self.before = os.fstat(self.file.fileno())
        self.digest = hashlib.sha256()
        self.bytes_read = 0

    @property
    def closed(self) -> bool:
        return self.file.closed

    @property
    def size(self) -> int:
        return self.before.st_size

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
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            now = None
        if now is None or _identity(now) != _identity(self.before) or self.bytes_read > self.size:
            raise FileRefused(
                "El archivo cambió mientras se leía.", "Espere a que esté completo y repita la carga."
            )


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


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
        raise FileRefused(
            f"No se puede abrir: {error.strerror}.", "Revise que exista y sus permisos."
        ) from error
    with file.file:
        yield file


@contextmanager
def decompressed(source: Source, file: Opened) -> Iterator[ByteStream]:
    """Los bytes ya sin comprimir de `source`. Lanza `FileRefused` si la compresión está dañada."""
    if source.member is not None:
        with zipfile.ZipFile(source.path) as archive, _opened_member(archive, source.member) as member:
            yield Limited(_by_name(source.member, member), file.size)
    elif source.packed:
        yield Limited(_by_name(source.path.name, file), file.size)
    else:
        yield file


def _opened_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    try:
        return archive.open(name)
    except DAMAGED as error:
        raise _damaged(error) from error
    except RuntimeError as error:  # con contraseña, o comprimido con un método que Python no tiene
        raise FileRefused(f"No se puede descomprimir: {error}.", "Descomprímalo en la carpeta.") from error


def _damaged(error: Exception) -> FileRefused:
    return FileRefused(
        f"El archivo comprimido está dañado o cortado: {error}.", "Descárguelo o cópielo de nuevo."
    )


class Limited:
    """Los mismos bytes, mientras no sean desmesuradamente más que los del archivo comprimido."""

    def __init__(self, stream: ByteStream, compressed: int) -> None:
        self._stream = stream
        self._left = max(BOMB_BYTES, BOMB_RATIO * compressed)

    def read(self, size: int, /) -> bytes:
        try:
            data = self._stream.read(size)
        except DAMAGED as error:
            raise _damaged(error) from error
        self._left -= len(data)
        if self._left < 0:
            raise FileRefused(
                f"Descomprimido ocupa más de {BOMB_RATIO} veces lo que comprimido: parece una bomba.",
                "Si es de fiar, descomprímalo en la carpeta.",
            )
        return data


def _by_name(name: str, stream: IO[bytes] | Opened) -> ByteStream:
    plain: ByteStream = stream
    match Path(name).suffix.lower():
        case ".gz":
            plain = gzip.GzipFile(fileobj=stream)  # type: ignore[arg-type]
        case ".bz2":
            plain = bz2.BZ2File(stream)  # type: ignore[arg-type]
        case ".xz":
            plain = lzma.LZMAFile(stream)  # type: ignore[arg-type]  # noqa: SIM115
        case ".zst":
            plain = pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")
    return plain
