"""Las hojas de un libro que tienen algo escrito; se miran en otro proceso, por si el libro lo tumba.

La biblioteca que lee los libros guarda en memoria el rectángulo entero de la hoja: con una celda en A1 y
otra en la última esquina pide 550 GB y, como no los hay, acaba con el proceso que la llamó. Entra un libro y
salen sus hojas, o un `FileRefused`; después, `excel.py` lo abre ya sin miedo. Cuesta unas centésimas.
"""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from python_calamine import CalamineError, CalamineWorkbook

from etl.errors import FileRefused

# El proceso hijo acaba así si el libro no se puede leer y la biblioteca lo dice con un error.
UNREADABLE = 3
# De la memoria de la máquina, lo que puede ocupar una hoja; la carga necesita también la suya.
SHARE = 0.5


def written_sheets(file: Path | IO[bytes]) -> list[str] | None:
    """Las hojas con algo escrito, en su orden; `None` si abrir el libro da un error, que dirá por qué.

    Lanza `FileRefused` si abrirlo tumba el proceso.
    """
    given = [str(file)] if isinstance(file, Path) else []
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__, *given],
        stdin=subprocess.DEVNULL if given else file,  # type: ignore[arg-type]
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    if done.returncode == UNREADABLE:
        return None
    if done.returncode:
        raise FileRefused(
            "El libro agota la memoria de la máquina, o está dañado de un modo que rompe a quien lo abre.",
            "Suele ser una celda escrita muy lejos de las demás (en Excel, Ctrl+Fin lleva a la última): borre "
            "las filas y columnas que sobran, o guarde la hoja como CSV.",
        )
    names: list[str] = json.loads(done.stdout)
    return names


def main() -> None:
    """El proceso hijo: recibe el libro, por su ruta o por la entrada, y escribe sus hojas."""
    _limit_memory()
    try:
        book = CalamineWorkbook.from_object(sys.argv[1] if len(sys.argv) > 1 else sys.stdin.buffer)
        names = [name for name in book.sheet_names if book.get_sheet_by_name(name).height]
    except (CalamineError, OSError):
        sys.exit(UNREADABLE)
    sys.stdout.write(json.dumps(names))


def _limit_memory() -> None:
    """Donde el sistema sabe limitarla: así una hoja enorme no deja sin memoria a los demás procesos."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_AS, (int(memory * SHARE), most))


if __name__ == "__main__":
    main()
