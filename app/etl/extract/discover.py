"""Encuentra los archivos por cargar: los pedidos o los de la carpeta de datos.

Entran rutas y salen `Source`, sin abrir nada más. Lo siguiente es `source.py`, que los abre.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from etl.errors import UsageError
from etl.extract.source import GZIP, Source, gunzip
from etl.schema import Declared

IGNORED_NAMES = ("readme", "leeme", "léeme", "~$", ".", "_", "thumbs.db", "desktop.ini")
# Lo que SQLite deja junto a sus bases de datos, que es parte de ellas.
IGNORED_ENDS = ("-wal", "-shm", "-journal")
OUTPUT_FOLDER = "salida"

# Lo que hay en un archivo que se llama así: él mismo, o los que lleva dentro. Lo que se declara decide si va solo.
Members = Callable[[Path, str, Sequence[Declared]], Iterable[Source]]


def discover(paths: list[Path], folder: Path, members: Members, declared: Sequence[Declared] = ()) -> list[Source]:
    """Los archivos pedidos; sin ninguno, todos los de `folder`, por nombre.

    En una carpeta se pasan por alto `salida/`, los README y los archivos ocultos o temporales.
    """
    found: list[Path] = []
    for path in paths or [folder]:
        if os.path.isdir(path):  # noqa: PTH112 - el de Path falla en una carpeta a la que no se puede entrar
            found += [item for item in sorted(path.rglob("*")) if _is_data(item, path)]
        elif os.path.lexists(path):
            found.append(path)
        else:
            raise UsageError(f"No existe «{path}».", "Compruebe la ruta.")
    sources = [
        replace(source, refusal=source.refusal or refusal, folder=folder.absolute())
        for path in found
        for refusal in [_outside(path, folder)]
        for source in members(path, name_of(path, folder), declared)
    ]
    return list({source.name: source for source in sources}.values())  # una carpeta partida sale una vez por parte


def one_member(path: Path, name: str, _declared: object = ()) -> list[Source]:
    """El archivo tal cual, o lo que hay en un .gz: lo que el núcleo sabe leer."""
    packed = path.suffix.lower() == GZIP
    return [Source(path, name, path.stem, gunzip) if packed else Source(path, name, path.name)]


def name_of(path: Path, folder: Path) -> str:
    """Cómo figura en el libro: su ruta dentro de la carpeta de datos o, si está fuera, entera; siempre texto válido."""
    whole, root = Path(os.path.abspath(path)), Path(os.path.abspath(folder))  # noqa: PTH100 - también quita los «..»
    name = whole.relative_to(root) if root in whole.parents else whole
    return os.fsencode(name.as_posix()).decode("utf-8", "backslashreplace")


def beside(source: Source, name: str) -> Source | None:
    """El archivo que en el libro de cargas se llama `name`, si sigue ahí."""
    path = (source.folder or source.path.absolute().parent) / name.removesuffix(source.inside)
    try:
        return Source(path, name, path.name) if path.is_file() else None
    except OSError:  # un nombre que no era UTF-8 puede no caber ya en uno de archivo
        return None


def _outside(path: Path, folder: Path) -> str | None:
    """Un enlace de la carpeta de datos que lleva fuera de ella: alguien podría colar así otro archivo."""
    # Con `realpath`: el `resolve` de Python 3.11 y 3.12 no puede con un enlace que lleva a sí mismo.
    target = Path(os.path.realpath(path))
    root = Path(os.path.abspath(folder))  # noqa: PTH100
    if root in Path(os.path.abspath(path)).parents and folder.resolve() not in target.parents:  # noqa: PTH100
        return "Es un enlace que sale de la carpeta de datos."
    return None


def _is_data(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder)
    hidden = any(part.startswith(".") for part in inside.parts)
    if hidden or inside.parts[0] == OUTPUT_FOLDER or os.path.isdir(path):  # noqa: PTH112
        return False
    return is_data_name(path.name)


def is_data_name(name: str) -> bool:
    """Si un archivo que se llama así puede llevar datos."""
    return not name.lower().startswith(IGNORED_NAMES) and not name.lower().endswith(IGNORED_ENDS)
