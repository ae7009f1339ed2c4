"""Escribe archivos de salida: aparecen con su nombre solo cuando están enteros.

Lo usan el informe, la cuarentena y los datos de ejemplo. Si el disco se llena o la carpeta no
admite escritura, no queda nada a medias y el archivo de antes, si lo había, sigue ahí.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from etl.errors import UsageError

# El sistema lo dice en inglés.
REASONS = {
    errno.ENOSPC: "el disco está lleno",
    errno.EROFS: "ahí solo se puede leer",
    errno.EACCES: "no hay permiso",
    errno.EPERM: "no hay permiso",
    errno.ENOTDIR: "una parte de la ruta es un archivo, no una carpeta",
    errno.EEXIST: "hay un archivo donde debe haber una carpeta",
    errno.EISDIR: "es una carpeta",
}


@contextmanager
def new_file(path: Path, hint: str) -> Iterator[BinaryIO]:
    """El archivo `path`, para escribirlo desde el principio; crea su carpeta si falta.

    Lanza `UsageError` con `hint`, el siguiente paso, si no se puede escribir.
    """
    special = path.exists() and not path.is_file()  # /dev/stdout no se puede sustituir por otro
    partial = path if special else path.with_name(f".{path.name}.parcial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
        if not special:
            partial.replace(path)
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror)
        raise UsageError(f"No se puede escribir «{path}»: {reason}.", hint) from error
    finally:
        if not special:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def free(path: Path) -> Path:
    """Ese nombre o, si ya hay un archivo que se llama así, el primero libre: «corregir_2.csv»."""
    numbered = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in count(2))
    return next(name for name in chain([path], numbered) if not name.exists())
