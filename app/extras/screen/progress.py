"""Cómo va la carga, contados todos sus archivos: una barra en un terminal, líneas sueltas en cualquier otro sitio."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from etl.extract.source import Source
from etl.load.ledger import Counts
from etl.reader import rows, shown, thousands
from etl.run import Progress
from extras.output import escape, shorten

# En un registro (docker logs, CI) una línea cada tanto basta.
LOG_SECONDS = 5
# Lo que ocupa en la barra todo lo que no es el nombre del archivo.
BESIDE_NAME = 62


@contextmanager
def show_progress(waiting: Sequence[Source]) -> Iterator[Progress]:
    """Quién recibe el avance de cada archivo mientras dura la ejecución. Siempre por stderr.

    `waiting`: los que se van a cargar, en su orden; se mira al llegar el primer avance.
    """
    with (_bar if sys.stderr.isatty() else _lines)(Whole(waiting)) as advance:
        yield advance


class Whole:
    """La carga entera: por qué archivo va, cuántos bytes de los de todos y cuántas filas."""

    def __init__(self, waiting: Sequence[Source]) -> None:
        self._waiting = waiting
        self._began = time.monotonic()
        # De cada archivo, su número, los bytes de los anteriores y los suyos.
        self._places: dict[str, tuple[int, int, int]] = {}
        self._rows: dict[str, int] = {}
        self.number = self.done = self.total = 0

    def advance(self, source: Source, done: int, counts: Counts) -> None:
        """Anota lo que va leído de un archivo; los de antes están acabados."""
        if not self._places:
            self._measure()
        # Las hojas de un libro llegan de una en una, y se espera el libro.
        place = self._places.get(source.name) or self._places.get(source.name.removesuffix(source.inside))
        if place:
            self.number, before, size = place
            self.done = max(self.done, before + min(done, size))
        self._rows[source.name] = counts.read

    def _measure(self) -> None:
        inside = Counter(source.path for source in self._waiting)
        for number, source in enumerate(self._waiting, 1):
            size = _size(source) // inside[source.path]  # lo que va dentro de un .zip se reparte sus bytes
            self._places[source.name] = number, self.total, size
            self.total += size

    @property
    def rows(self) -> int:
        return sum(self._rows.values())

    @property
    def rate(self) -> int:
        return int(self.rows / (time.monotonic() - self._began))

    @property
    def files(self) -> str:
        return f"{self.number}/{len(self._waiting)}"

    @property
    def bytes(self) -> str:
        """«120 de 350 MB»; en KB si son pocos."""
        unit, name = (1_000_000, "MB") if self.total >= 10_000_000 else (1_000, "KB")
        return f"{thousands(self.done // unit)} de {thousands(self.total // unit)} {name}"

    @property
    def left(self) -> str:
        """Lo que falta, al paso que se lleva desde el principio."""
        if not self.done:
            return ""
        seconds = (time.monotonic() - self._began) * (self.total - self.done) / self.done
        return f"faltan {seconds:.0f} s" if seconds < 90 else f"faltan {seconds / 60:.0f} min"


@contextmanager
def _lines(whole: Whole) -> Iterator[Progress]:
    due = time.monotonic() + LOG_SECONDS

    def advance(source: Source, done: int, counts: Counts) -> None:
        nonlocal due
        whole.advance(source, done, counts)
        if time.monotonic() >= due:
            due = time.monotonic() + LOG_SECONDS
            told = (f"{whole.files} {shown(source.name)}: {rows(counts.read)}", whole.bytes, whole.left)
            sys.stderr.write(", ".join(filter(None, told)) + "\n")
            sys.stderr.flush()

    yield advance


@contextmanager
def _bar(whole: Whole) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(10),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[told]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, told="", visible=False)

        def advance(source: Source, done: int, counts: Counts) -> None:
            whole.advance(source, done, counts)
            name = shorten(source.name, max(12, console.width - BESIDE_NAME))
            told = f"{whole.bytes} {thousands(whole.rate)} filas/s {whole.left}"
            bar.update(
                task, description=f"{whole.files} {escape(name)}", total=whole.total, completed=whole.done, told=told,
                visible=True,
            )  # fmt: skip

        yield advance


def _size(source: Source) -> int:
    """Los bytes del archivo; ninguno si lo acaban de quitar, que la carga ya lo dirá."""
    try:
        return source.path.stat().st_size
    except OSError:
        return 0
