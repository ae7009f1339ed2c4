"""Las hojas de un libro que tienen algo escrito; se miran en otro proceso, por si el libro lo tumba.

La biblioteca que lee los libros guarda en memoria el rectángulo entero de la hoja: con una celda en A1 y
otra en la última esquina pide 550 GB y, como no los hay, acaba con el proceso que la llamó. Entra un libro y
salen sus hojas, o un `FileRefused`; después, `excel.py` lo abre ya sin miedo. La memoria que se le da depende
de lo que ocupa el libro descomprimido.
"""

import json
import os
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from etl.errors import FileRefused
from etl.extract.source import refuse_bomb

# El proceso hijo acaba así si el libro no se puede leer y la biblioteca lo dice con un error.
UNREADABLE = 3
# Un libro lleno pide tres veces lo que ocupa su XML; con huecos, más. Y siempre, lo que ocupa la biblioteca.
MEMORY, TIMES = 256 << 20, 6


def written_sheets(path: Path) -> list[str] | None:
    """Las hojas con algo escrito, en su orden; `None` si abrir el libro da un error, que dirá por qué.

    Lanza `FileRefused` si se descomprime en algo desmesurado, o si abrirlo tumba el proceso.
    """
    limit = MEMORY + TIMES * _unpacked(path)
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__, str(limit), str(path)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    if done.returncode == UNREADABLE:
        return None
    if done.returncode:
        raise FileRefused(
            "El libro pide mucha más memoria de la que le corresponde, o está dañado de un modo que rompe a quien lo abre.",
            "Suele ser una celda escrita muy lejos de las demás (en Excel, Ctrl+Fin lleva a la última), o un texto muy "
            "largo repetido en muchas filas: borre las filas y columnas que sobran, o guarde la hoja como CSV.",
        )
    names: list[str] = json.loads(done.stdout)
    return names


def _unpacked(path: Path) -> int:
    """Lo que ocupa descomprimido, según dice él mismo. Lanza `FileRefused` si parece una bomba."""
    size = path.stat().st_size
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as parts:  # un .xls no es un .zip
        unpacked = sum(part.file_size for part in parts.infolist())
        refuse_bomb(unpacked, size, "guarde la hoja como CSV")
        return unpacked
    return size


def main() -> None:
    """El proceso hijo: recibe la memoria que puede usar y la ruta del libro; escribe sus hojas."""
    limit, path = sys.argv[1:]
    _limit_memory(int(limit))
    try:
        book = CalamineWorkbook.from_object(path)
        names = [name for name in book.sheet_names if book.get_sheet_by_name(name).height]
    except (CalamineError, OSError):
        sys.exit(UNREADABLE)
    sys.stdout.write(json.dumps(names))


def _limit_memory(limit: int) -> None:
    """Donde el sistema sabe limitarla: así una hoja enorme no deja sin memoria a los demás procesos."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_AS, (min(limit, memory // 2), most))


if __name__ == "__main__":
    main()
