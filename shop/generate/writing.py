"""Escribe los archivos del ejemplo y, en el README que los acompaña, la cuenta de sus errores."""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from extras.output import new_file
from generate.corruptions import FOOTER, FOOTER_DESCRIPTION, Corruption
from generate.layouts import Layout
from generate.planting import FileCounts, Planter

GZIP_LEVEL = 1  # el nivel 6 tarda unas diez veces más y solo ahorra una quinta parte
ELSEWHERE = "Indique otra carpeta con --output."
TABLE_START = "<!-- errores: inicio (lo escribe «etl generate») -->"
TABLE_END = "<!-- errores: fin -->"


def write_file(
    path: Path,
    layout: Layout,
    chunks: Iterable[list[bytes]],
    planter: Planter,
    *,
    progress: Callable[[int], None],
    with_footer: bool = False,
) -> FileCounts:
    """Escribe los bloques con sus errores y devuelve lo que debe pasar al cargar el archivo."""
    with _opened(path) as file:
        if layout.header:
            file.write((layout.header + layout.eol).encode(layout.encoding))
        for lines in chunks:
            rows = len(lines)
            file.write(b"".join(planter.plant(lines)))
            progress(rows)
        if with_footer:
            file.write(planter.footer())
    planter.counts.bytes = path.stat().st_size
    return planter.counts


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Un archivo que aparece con su nombre solo cuando está entero; si acaba en .gz, comprimido."""
    with new_file(path, ELSEWHERE) as raw:
        if path.suffix == ".gz":
            # Sin nombre ni fecha dentro: los mismos datos dan siempre los mismos bytes.
            with gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield raw


def write_counts(
    readme: Path, files: Mapping[str, FileCounts], corruptions: Mapping[str, Mapping[str, Corruption]]
) -> None:
    """Pone las tablas al día entre las dos marcas del README; lo crea si falta.

    Un README sin las marcas es de otra persona y no se toca.
    """
    block = f"{TABLE_START}\n{counts_tables(files, corruptions)}\n{TABLE_END}\n"
    if not readme.exists():
        _rewrite(readme, f"# Datos de ejemplo\n\n{block}")
        return
    text = readme.read_text(encoding="utf-8")
    before, start, rest = text.partition(TABLE_START)
    _, end, after = rest.partition(TABLE_END + "\n")
    if start and end:
        _rewrite(readme, before + block + after)


def _rewrite(readme: Path, text: str) -> None:
    with new_file(readme, ELSEWHERE) as file:
        file.write(text.encode())


def counts_tables(files: Mapping[str, FileCounts], corruptions: Mapping[str, Mapping[str, Corruption]]) -> str:
    """Las tablas en Markdown: lo que debe pasar por archivo, y los errores por clase."""
    total = FileCounts()
    lines = ["| archivo | leídas | cargadas | duplicadas | rechazadas |", "|---|---:|---:|---:|---:|"]
    for name, counts in files.items():
        lines.append(_counts_line(f"`{name}`", counts))
        total.rows_read += counts.rows_read
        total.rows_duplicate += counts.rows_duplicate
        total.rows_rejected += counts.rows_rejected
    lines.append(_counts_line("**total**", total))
    for dataset, kinds in corruptions.items():
        of_dataset = {name: counts for name, counts in files.items() if name.startswith(dataset)}
        lines += ["", f"### Errores de {dataset}", "", *_errors_table(of_dataset, kinds)]
    return "\n".join(lines)


def _counts_line(title: str, counts: FileCounts) -> str:
    numbers = (counts.rows_read, counts.rows_loaded, counts.rows_duplicate, counts.rows_rejected)
    return f"| {title} | " + " | ".join(map(str, numbers)) + " |"


def _errors_table(files: Mapping[str, FileCounts], corruptions: Mapping[str, Corruption]) -> list[str]:
    """Una fila por error plantado; una columna por archivo, con el mes si son las ventas."""
    titles = [name.removesuffix(".gz").removesuffix(".csv").rpartition("-")[2] for name in files]
    titles = titles if len(files) > 1 else ["filas"]
    descriptions = {name: c.description for name, c in corruptions.items()} | {FOOTER: FOOTER_DESCRIPTION}
    lines = [f"| error | qué es | {' | '.join(titles)} |", "|---|---|" + "---:|" * len(titles)]
    for error, description in descriptions.items():
        numbers = [counts.errors[error] for counts in files.values()]
        if any(numbers):
            lines.append(f"| `{error}` | {description} | {' | '.join(str(n or '') for n in numbers)} |")
    return lines
