"""Cómo va la carga: una barra en un terminal, líneas sueltas en cualquier otro sitio."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from etl import plain
from etl.extract.source import Source
from etl.load.ledger import Counts
from etl.reader import thousands
from etl.session import Progress


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Quién recibe el avance de cada archivo mientras dura la ejecución. Siempre por stderr."""
    if not sys.stderr.isatty():
        with plain.show_progress() as lines:
            yield lines
    else:
        with _bar() as bar:
            yield bar


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from extras.output import escape

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rows]} filas"),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        current: tuple[Source, TaskID, float] | None = None
        # Lo primero que se sabe de un archivo es su primer trozo ya cargado: empezó al acabar el anterior.
        last = time.monotonic()

        def advance(source: Source, done: int, counts: Counts) -> None:
            nonlocal current, last
            if current is None or current[0] != source:
                if current:
                    bar.remove_task(current[1])
                task = bar.add_task(escape(source.name), total=_size(source), rows="0", rate="0")
                current = source, task, last
            _, task, started = current
            last = time.monotonic()
            rate = counts.read / max(last - started, 0.001)
            bar.update(task, completed=done, rows=thousands(counts.read), rate=thousands(int(rate)))

        yield advance


def _size(source: Source) -> int | None:
    """Los bytes del archivo; ninguno si lo acaban de quitar, que la carga ya lo dirá."""
    try:
        return source.path.stat().st_size
    except OSError:
        return None
