"""Cómo va la carga: una barra en un terminal, líneas sueltas en cualquier otro sitio."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from etl.extract.source import Source
from etl.job import Progress
from etl.load.ledger import Counts

# En un registro (docker logs, CI) una línea cada tanto basta.
LOG_SECONDS = 5


@contextmanager
def show_progress(quiet: bool) -> Iterator[Progress]:
    """Quién recibe el avance de cada archivo mientras dura la ejecución. Siempre por stderr."""
    if quiet:
        yield lambda _source, _bytes, _counts: None
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield bar
    else:
        yield _log_lines()


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

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


def _log_lines() -> Progress:
    due = time.monotonic() + LOG_SECONDS

    def advance(source: Source, done: int, counts: Counts) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + LOG_SECONDS
            sys.stderr.write(f"{source.name}: {rows(counts.read)}, {thousands(done // 1000)} KB leídos\n")
            sys.stderr.flush()

    return advance


def thousands(number: int) -> str:
    """Con el separador de millares del español: «1.234.567»."""
    return f"{number:,}".replace(",", ".")


def rows(count: int) -> str:
    """«1 fila», «1.234 filas»."""
    return f"{thousands(count)} fila{'' if count == 1 else 's'}"
