"""Encuentra los archivos por cargar: los pedidos o los de la carpeta de datos, y lo que hay en cada `.zip`.

Entran rutas y salen `Source`, sin abrir nada más. Lo siguiente es `source.py`, que los abre.
"""

import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from etl.errors import UsageError
from etl.extract.source import Source

IGNORED_NAMES = ("readme", "~$", ".", "_")
OUTPUT_FOLDER = "salida"


def discover(paths: list[Path], folder: Path) -> list[Source]:
    """Los archivos pedidos; sin ninguno, todos los de `folder`, por nombre.

    En una carpeta se pasan por alto `salida/`, los README y los archivos ocultos o temporales.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths or [folder]:
        if os.path.isdir(path):  # noqa: PTH112 - el de Path falla en una carpeta a la que no se puede entrar
            found += [(item, path) for item in sorted(path.rglob("*")) if _is_data(item, path)]
        elif os.path.lexists(path):
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
    # Con `realpath`: el `resolve` de Python 3.11 y 3.12 no puede con un enlace que lleva a sí mismo.
    target = Path(os.path.realpath(path))
    if path.is_symlink() and folder in path.parents and folder.resolve() not in target.parents:
        return "Es un enlace que sale de la carpeta de datos."
    return None


def _is_data(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder)
    hidden = any(part.startswith(".") for part in inside.parts)
    if hidden or inside.parts[0] == OUTPUT_FOLDER or os.path.isdir(path):  # noqa: PTH112
        return False
    return not path.name.lower().startswith(IGNORED_NAMES)


def _members(path: Path, name: str) -> Iterator[Source]:
    if path.suffix.lower() != ".zip" or not os.path.isfile(path):  # noqa: PTH113 - como arriba
        yield Source(path, name)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item.filename for item in archive.infolist() if not item.is_dir()]
    except Exception:  # noqa: BLE001 - ante uno dañado, zipfile lanza de todo
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
