"""Encuentra archivos y los abre una sola vez: bytes en orden, contados y con su huella SHA-256.

Entran rutas y salen `Source`: un archivo, o un miembro de un `.zip`. La huella se calcula con los
mismos bytes que se cargan, al leerlos. Lo siguiente es `read.py`, que elige el formato.
"""

import gzip
import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO

import pyarrow as pa

from etl.errors import FileRefused, UsageError
from etl.extract.encoding import ByteStream

COMPRESSED = (".gz", ".zst")
IGNORED_NAMES = ("readme", "~$", ".", "_")
OUTPUT_FOLDER = "salida"
HASH_BLOCK = 1 << 20
# Un CSV comprime entre 3 y 30 veces. Se cuenta lo que de verdad sale, no lo que el archivo dice ser.
BOMB_RATIO, BOMB_BYTES = 200, 64 << 20


# Lo que lanzan gzip, zipfile y Arrow ante un archivo comprimido que no está entero.
DAMAGED = (EOFError, OSError, zipfile.BadZipFile, zlib.error)


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


def discover(paths: list[Path], folder: Path) -> list[Source]:
    """Los archivos pedidos; sin ninguno, todos los de `folder`, por nombre.

    En una carpeta se pasan por alto `salida/`, los README y los archivos ocultos o temporales.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths or [folder]:
        if path.is_dir():
            found += [(item, path) for item in sorted(path.rglob("*")) if _is_data(item, path)]
        elif path.exists() or path.is_symlink():
            found.append((path, path.parent))
        else:
            raise UsageError(f"No existe «{path}».", "Compruebe la ruta.")
    return [
        replace(source, refusal=source.refusal or _outside(path, folder))
        for path, given in found
        for source in _members(path, _name(path, folder, given))
    ]


def _name(path: Path, folder: Path, given: Path) -> str:
    """La ruta dentro de la carpeta de datos o, si está fuera, de la que se pidió; siempre texto válido."""
    root = folder if folder.absolute() in path.absolute().parents else given
    inside = path.absolute().relative_to(root.absolute()).as_posix()
    return os.fsencode(inside).decode("utf-8", "backslashreplace")


def beside(source: Source, name: str) -> Source | None:
    """El archivo que en el libro de cargas se llama `name`, si sigue en la misma carpeta de datos."""
    depth = len(Path(source.name.removesuffix(source.inside)).parts)
    path = source.path.absolute().parents[depth - 1] / name.removesuffix(source.inside)
    try:
        return Source(path, name) if path.is_file() else None
    except OSError:  # un nombre que no era UTF-8 puede no caber ya en uno de archivo
        return None


def _outside(path: Path, folder: Path) -> str | None:
    """Un enlace de la carpeta de datos que lleva fuera de ella: alguien podría colar así otro archivo."""
    if path.is_symlink() and folder in path.parents and folder.resolve() not in path.resolve().parents:
        return "Es un enlace que sale de la carpeta de datos."
    return None


def _is_data(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder)
    hidden = any(part.startswith(".") for part in inside.parts)
    if hidden or inside.parts[0] == OUTPUT_FOLDER or path.is_dir():
        return False
    return not path.name.lower().startswith(IGNORED_NAMES)


def _members(path: Path, name: str) -> Iterator[Source]:
    if path.suffix.lower() != ".zip" or not path.is_file():
        yield Source(path, name)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item.filename for item in archive.infolist() if not item.is_dir()]
    except (zipfile.BadZipFile, OSError):
        yield Source(path, name, refusal="El archivo .zip está dañado o cortado.")
        return
    if not members:
        yield Source(path, name, refusal="El archivo .zip está vacío.")
    for member in members:
        if not member.startswith("__MACOSX"):
            yield Source(path, f"{name}/{member}", member, refusal=_unsafe_member(member))


def _unsafe_member(member: str) -> str | None:
    """Por qué no se lee un miembro de un `.zip`, aunque aquí nunca se escriba nada en el disco."""
    parts = member.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        return "El .zip guarda este archivo con una ruta que sale de su carpeta."
    if member.lower().endswith(".zip"):
        return "Es un .zip dentro de otro."
    return None


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
    if name.lower().endswith(".gz"):
        return gzip.GzipFile(fileobj=stream)  # type: ignore[arg-type]
    if name.lower().endswith(".zst"):
        plain: ByteStream = pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")
        return plain
    return stream
