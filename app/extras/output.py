"""Escribe archivos de salida, que aparecen con su nombre solo cuando están enteros; y en el terminal, textos y rutas.

Lo usan el informe, la cuarentena y los datos de ejemplo. Si el disco se llena o la carpeta no
admite escritura, no queda nada a medias y el archivo de antes, si lo había, sigue ahí.
"""

import errno
import os
import tomllib
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from etl.errors import UsageError
from etl.reader import shown
from etl.settings import IN_IMAGE

if TYPE_CHECKING:
    from rich.table import Table

WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
MOTIVES: dict[str, str] = WORDS["motives"]
REASONS = {getattr(errno, name): said for name, said in WORDS["errno"].items()}


def escape(text: str) -> str:
    """Un texto que puede venir de un archivo, para enseñarlo con rich: ni marcas suyas ni órdenes de terminal."""
    from rich import markup

    return markup.escape(shown(text))


def grid(
    titles: Iterable[str], rows: Iterable[Iterable[str]], numbers: Container[str], whole: Container[str] = ()
) -> "Table":
    """Una tabla para el terminal; las columnas de `numbers`, a la derecha, y las de `whole`, sin partir."""
    from rich import box
    from rich.table import Table

    # Sin relleno, los nombres de archivo caben enteros en los 80 caracteres de un terminal.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for title in titles:
        justify: Literal["right", "left"] = "right" if title in numbers else "left"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=title in whole)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def place(path: Path) -> str:
    """Una ruta, como la ve quien lee: desde su carpeta y, en Docker, la de su máquina."""
    path = Path(os.path.normpath(path))
    if IN_IMAGE:
        mounted = any(map(path.is_relative_to, ("/datos", "/sql", "/app")))
        return shown(str(path.relative_to("/") if mounted else path))
    here = Path.cwd()
    return shown(str(path.relative_to(here) if path.is_relative_to(here) else path))


def shorten(text: str, room: int) -> str:
    """Un nombre en `room` columnas; si no cabe, sin lo de en medio: los archivos se distinguen por el final."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= room:
        return text
    tail = 2 * room // 3
    return f"{set_cell_size(text, room - tail - 1)}…{set_cell_size(text[::-1], tail)[::-1]}"


@contextmanager
def new_file(path: Path, hint: str) -> Iterator[BinaryIO]:
    """El archivo `path`, para escribirlo desde el principio; crea su carpeta si falta.

    Lanza `UsageError` con `hint`, el siguiente paso, si no se puede escribir.
    """
    special = path.exists() and not path.is_file()  # /dev/stdout no se puede sustituir por otro
    partial = path if special else path.with_name(f".{path.name}.parcial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Siempre uno nuevo: si alguien dejara ahí un enlace, se escribiría en lo que señala.
        if not special:
            partial.unlink(missing_ok=True)
        with partial.open("wb" if special else "xb") as file:
            yield file
        if not special:
            partial.replace(path)
    except OSError as error:
        with suppress(OSError):  # la carpeta puede no existir
            owner = path.parent.stat()
            if IN_IMAGE and error.errno == errno.EACCES and owner.st_uid:
                hint = f"La carpeta es de otro usuario: ponga ETL_UID={owner.st_uid} y ETL_GID={owner.st_gid} en .env."
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
