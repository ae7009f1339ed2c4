"""El resumen de una ejecución, para leerlo en el terminal."""

import re
from collections.abc import Iterator

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from etl.parts import Explain
from etl.plain import OUTCOMES
from etl.reader import program, rows, shown, thousands
from etl.run import RunResult
from extras.output import escape, shorten

COLOURS = {
    "cargado": "[green]cargado[/]",
    "ya estaba": "[dim]ya estaba[/]",
    "rechazado": "[red]rechazado[/]",
    "falló": "[red]falló[/]",
}
COUNTS = {
    "read": "leídas",
    "loaded": "cargadas",
    "updated": "actualizadas",
    "duplicate": "duplicadas",
    "rejected": "rechazadas",
}
# Con menos, la columna de la tabla dejaría sin sitio al nombre del archivo.
WIDE = 100
# Lo que se le guarda a ese nombre, antes que a los segundos o a una columna de ceros.
NAME = 30
# El aviso que dan más archivos se enseña una vez.
MANY = 3
# Lo último de lo que se prescinde, si las cuentas son enormes: la primera está dentro de «cargadas».
COUNTS_TO_SPARE = ("actualizadas", "duplicadas")


def show_result(result: RunResult, quiet: bool, explain: Explain) -> None:
    """La tabla de archivos, los avisos y dónde mirar después; con `quiet`, solo lo que no entró."""
    errors = Console(stderr=True)
    outside = [file for file in result.files if file.outside]
    for file in outside:
        errors.print(f"[red]✖[/] {escape(f'{file.file}: {file.reason}')}", highlight=False)
    for wrong in result.wrong_marts:
        errors.print(f"[red]✖[/] {escape(wrong)}. Corríjalo y repita: {program()} run", highlight=False, soft_wrap=True)
    for line in dict.fromkeys(line for file in outside for line in explain(file.reason or "")[1:]):
        errors.print(line, highlight=False, soft_wrap=True)
    if quiet:
        return
    console = Console()
    console.print(_table(result, console.width))
    for warning in _warnings(result):
        console.print(f"[yellow]![/] {escape(warning)}", highlight=False)
    _show_next_steps(console, result)


def _warnings(result: RunResult) -> Iterator[str]:
    """Los avisos de cada archivo; el que dan muchos, con otros números, una sola vez."""
    alike: dict[tuple[bool, str], list[str]] = {}
    for file in result.files:
        known = [file.reason] if file.status == "skipped" and file.reason else []
        for warning in [*known, *file.warnings]:
            alike.setdefault((file.status == "skipped", re.sub(r"\d+", "", warning)), []).append(
                f"{file.file}: {warning}"
            )
    for (skipped, _), told in alike.items():
        if len(told) <= MANY:
            yield from told
        else:
            yield f"{told[0]} (y lo mismo en otros {len(told) - 1}: vea «{program()} {'status' if skipped else 'report'}»)"


def _table(result: RunResult, width: int) -> Table:
    """Cabe en su ancho: se prescinde de lo menos importante y, si no basta, se acortan los nombres de archivo."""
    columns, between = _columns(result), 3 if width >= WIDE else 1
    longest = max((cell_len(shown(file.file)) for file in result.files), default=0)

    def room() -> int:
        others = sum(max(map(cell_len, (title, *cells))) + between for title, cells in columns.items())
        return width - others - between + 1

    zeros = [title for title, cells in columns.items() if set(cells) == {"0"} and title != "cargadas"]
    for title in ("tabla", "segundos", *zeros, *COUNTS_TO_SPARE):
        wanted = min(longest, NAME // 3 if title in COUNTS_TO_SPARE else NAME)
        if room() < wanted or (title == "tabla" and width < WIDE):
            columns.pop(title, None)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, between // 2), show_edge=False, show_footer=True)
    names = [shorten(shown(file.file), max(NAME // 3, room())) for file in result.files]
    for title, cells in {"archivo": [*names, "total"], **columns}.items():
        left = title in ("archivo", "tabla", "estado")
        table.add_column(title, escape(cells[-1]), justify="left" if left else "right", no_wrap=True)
    for name, *cells in zip(names, *(cells[:-1] for cells in columns.values()), strict=True):
        table.add_row(escape(name), *(COLOURS.get(cell, escape(cell)) for cell in cells))
    return table


def _columns(result: RunResult) -> dict[str, list[str]]:
    """Las celdas de cada columna, con su total al final; sin los nombres de los archivos."""
    files = result.files
    counted = {
        title: [*(thousands(getattr(file.counts, name)) for file in files), thousands(_total(result, name))]
        for name, title in COUNTS.items()
        if name != "updated" or _total(result, name)
    }
    seconds = [file.seconds for file in files]
    return {
        "tabla": [*(shown(file.table or "") for file in files), ""],
        "estado": [*(OUTCOMES[file.status] for file in files), ""],
        **counted,
        "segundos": [f"{one:.2f}".replace(".", ",") for one in (*seconds, sum(seconds))],
    }


def _total(result: RunResult, name: str) -> int:
    return sum(getattr(file.counts, name) for file in result.files)


def _show_next_steps(console: Console, result: RunResult) -> None:
    filtered = sum(file.counts.filtered for file in result.files)
    rejected = sum(file.counts.rejected for file in result.files) - filtered
    if filtered:
        console.print(f"{rows(filtered)} que descarta su transformación.", highlight=False)
    if result.marts:
        console.print(f"Marts al día: {', '.join(result.marts)}.")
    if rejected:
        console.print(
            f"{rows(rejected)} en cuarentena: véala{'s' if rejected > 1 else ''} con «{program()} rejects».",
            soft_wrap=True,
            highlight=False,
        )
    console.print(f"Siga con: {program()} status · {program()} report", soft_wrap=True, highlight=False)
