"""Lo que dieron las declaraciones la última vez, si nada de lo que lo decide ha cambiado: SQLAlchemy tarda en importarse.

Se guarda junto a su código compilado, en `__pycache__`, con la fecha y el tamaño de los archivos que se abrieron para
saberlo: las declaraciones, lo que importan o leen ellas y las bibliotecas. Si uno cambia, se vuelve a declarar.
"""

import os
import pickle
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from etl.schema import Declared

# Cómo llama Python a abrir un archivo y a mirar qué hay en una carpeta (`sys.addaudithook`).
OPENING = ("open", "os.listdir", "os.scandir")
Stamp = tuple[int, int] | None


def remembered(source: Path, declare: Callable[[], list[Declared]]) -> list[Declared]:
    """Lo que devuelve `declare`, que está en `source` (un archivo o una carpeta), sin llamarla si ya se sabe."""
    written = source / "__init__.py" if source.is_dir() else source
    note = Path(cache_from_source(str(written))).with_suffix(".pickle")
    with suppress(Exception):  # no lo hay, o es de otra versión
        stamps, known = pickle.loads(note.read_bytes())  # noqa: S301 - quien puede escribir ahí, escribe código
        if all(_stamp(path) == stamp for path, stamp in stamps.items()):
            return list(known)
    if sys.dont_write_bytecode:  # en la imagen, que es de solo lectura
        return declare()
    started, opened = time.time_ns(), set[str]()
    sys.addaudithook(lambda event, said: opened.add(str(said[0])) if event in OPENING else None)
    found = declare()
    modules = [getattr(module, "__file__", None) for module in sys.modules.values()]
    stamps = {path: _stamp(path) for path in (*opened, *filter(None, modules)) if not path.endswith(".pyc")}
    # Lo que se escribe entretanto no se sabe si se leyó antes o después.
    if all(stamp is None or stamp[0] < started for stamp in stamps.values()):
        with suppress(OSError, AttributeError, pickle.PicklingError):  # una carpeta de solo lectura, una lambda
            beside = note.with_suffix(f".{os.getpid()}")
            beside.write_bytes(pickle.dumps((stamps, found)))
            beside.replace(note)
    return found


def _stamp(path: str) -> Stamp:
    try:
        said = os.stat(path)
    except OSError:
        return None
    return said.st_mtime_ns, said.st_size
