"""Lo que viene comprimido: .gz, .bz2, .xz, .zst y los miembros de un .zip.

Entra la ruta de un archivo y salen los `Source` que hay en él; cada uno lleva cómo se descomprime.
"""

import bz2
import gzip
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from etl.errors import FileRefused
from etl.extract.discover import is_data_name
from etl.extract.source import BOMB_BYTES, BOMB_RATIO, ByteStream, Opened, Source, bomb, damaged, refuse_bomb
from etl.schema import Declared
from extras.formats.partitions import joined, partitioned

BLOCK = 1 << 20
# Lo que lanzan lzma, zipfile y compañía ante un archivo comprimido que no está entero.
DAMAGED = (EOFError, OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def _zstd(file: Any) -> Any:
    return pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")


SQLITE = (".sqlite", ".sqlite3", ".db", ".db3")
OPENERS: dict[str, Callable[[Any], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _zstd}
# Cómo empieza lo que de verdad está comprimido.
MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ", ".zst": b"\x28\xb5\x2f\xfd"}


def members(path: Path, name: str, declared: Sequence[Declared]) -> Iterator[Source]:
    """Los archivos que hay en `path`: los de un .zip, la carpeta partida de que es una parte, o él mismo."""
    suffix = path.suffix.lower()
    if "=" in name and (whole := partitioned(path, name)) and (copy := joined(whole[0])):
        from etl.pipeline import declared_for

        together, alone = Source(copy, whole[1], copy.name), Source(path, name, path.name)
        if declared_for(together, declared) or not declared_for(alone, declared):
            yield together  # la da cada una de sus partes: es la misma
            return
    if suffix == ".zip" and os.path.isfile(path):  # noqa: PTH113 - el de Path falla en un enlace a sí mismo
        yield from _zipped(path, name)
    elif suffix in OPENERS:
        yield Source(path, name, path.stem, unpack)
    elif suffix in SQLITE and path.with_name(f"{path.name}-wal").is_file():
        from extras.formats.sqlite import consolidated

        yield Source(consolidated(path), name, path.name)
    else:
        yield Source(path, name, path.name)


@contextmanager
def unpack(source: Source, file: Opened) -> Iterator[ByteStream]:
    """Los bytes sin comprimir de un .gz, un .bz2, un .xz o un .zst."""
    suffix = source.path.suffix.lower()
    with source.path.open("rb") as start:
        if not (first := start.read(6)).startswith(MAGIC[suffix]) and first:
            raise FileRefused(
                f"Se llama «{suffix}», pero no está comprimido así: dentro hay otra cosa.",
                f"Si se abre con un editor, quítele la extensión {suffix}; si no, descárguelo de nuevo.",
            )
        start.seek(0)
        _refuse_bomb_at_start(Checked(OPENERS[suffix](start)), start, file.size)
    yield Checked(OPENERS[suffix](file))


def _refuse_bomb_at_start(stream: ByteStream, packed: IO[bytes], size: int) -> None:
    """Lanza `FileRefused` si es una bomba desde el principio: así no se llega a cargar ni una fila.

    Mientras lo parezca se sigue leyendo: puede ser que solo empiece por filas todas iguales.
    """
    unpacked = 0
    while (packed.tell() < BOMB_BYTES // BOMB_RATIO or bomb(unpacked, packed.tell())) and (data := stream.read(BLOCK)):
        unpacked += len(data)
        refuse_bomb(unpacked, size)


@contextmanager
def unzip(source: Source, file: Opened) -> Iterator[ByteStream]:
    """Los bytes de un miembro de un .zip, que a su vez puede estar comprimido («pedidos.csv.gz»)."""
    name = source.inside.removeprefix("/")
    with source.path.open("rb") as packed, zipfile.ZipFile(packed) as archive, _opened_member(archive, name) as member:
        begin = archive.getinfo(name).header_offset

        def advance() -> None:
            file.beside = max(file.beside, packed.tell() - begin)

        suffix = Path(name).suffix.lower()
        if suffix in OPENERS:
            with _opened_member(archive, name) as start:
                _refuse_bomb_at_start(Checked(OPENERS[suffix](start)), start, archive.getinfo(name).file_size)
        yield Checked(OPENERS[suffix](member) if suffix in OPENERS else member, advance)


class Checked:
    """Los mismos bytes; un fallo al descomprimirlos dice que el archivo está dañado."""

    def __init__(self, stream: ByteStream, advance: Callable[[], None] = lambda: None) -> None:
        self._stream, self._advance = stream, advance

    def read(self, size: int, /) -> bytes:
        try:
            data = self._stream.read(size)
            self._advance()
            return data
        except DAMAGED as error:
            raise damaged(error) from error


def _opened_member(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return archive.open(name)
    except DAMAGED as error:
        raise damaged(error) from error
    except RuntimeError as error:  # con contraseña, o comprimido con un método que Python no tiene
        raise FileRefused(f"No se puede descomprimir: {error}.", "Descomprímalo en la carpeta.") from error


def _zipped(path: Path, name: str) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            items = [item for item in archive.infolist() if not item.is_dir() and _is_data(item.filename)]
    except Exception:  # noqa: BLE001 - ante uno dañado, zipfile lanza de todo
        yield Source(path, name, path.name, refusal="El archivo .zip está dañado o cortado.")
        return
    if not items:
        yield Source(path, name, path.name, refusal="El archivo .zip está vacío.")
    found = [item.filename for item in items]
    # zipfile no saca de un miembro más de lo que dice ocupar.
    swollen = bomb(sum(item.file_size for item in items), path.stat().st_size)
    for member, item in {item.filename: item for item in items}.items():
        source = Source(path, f"{name}/{member}", _content(member), unzip, f"/{member}")
        twice = "El .zip trae dos archivos con este nombre." if found.count(member) > 1 else None
        yield replace(source, refusal=_unsafe(member) or twice or swollen or bomb(item.file_size, item.compress_size))


def _is_data(member: str) -> bool:
    """La misma regla que en una carpeta: ni ocultos, ni notas, ni lo que añaden los sistemas."""
    *folders, name = member.split("/")
    return is_data_name(name) and not any(folder.startswith((".", "__MACOSX")) and folder != ".." for folder in folders)


def _content(member: str) -> str:
    inner = Path(member)
    return inner.stem if inner.suffix.lower() in OPENERS else inner.name


def _unsafe(member: str) -> str | None:
    """Por qué no se lee un miembro de un `.zip`, aunque aquí nunca se escriba nada en el disco."""
    parts = member.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        return "El .zip guarda este archivo con una ruta que sale de su carpeta."
    if member.lower().endswith(".zip"):
        return "Es un .zip dentro de otro."
    return None
