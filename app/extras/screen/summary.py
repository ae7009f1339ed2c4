"""El resumen de una ejecución, para leerlo en el terminal."""

from rich import box
from rich.console import Console
from rich.table import Table

from etl.parts import Explain
from etl.reader import program, rows, thousands
from etl.result import RunResult
from extras.output import escape

WORDS = {
    "loaded": "[green]cargado[/]",
    "skipped": "[dim]ya estaba[/]",
    "refused": "[red]rechazado[/]",
    "failed": "[red]falló[/]",
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


def show_result(result: RunResult, quiet: bool, explain: Explain) -> None:
    """La tabla de archivos, los avisos y dónde mirar después; con `quiet`, solo lo que no entró."""
    errors = Console(stderr=True)
    outside = [file for file in result.files if file.outside]
    for file in outside:
        errors.print(f"[red]✖[/] {escape(f'{file.file}: {file.reason}')}", highlight=False)
    for wrong in result.wrong_marts:
        errors.print(f"[red]✖[/] {escape(wrong)}", highlight=False)
    for line in dict.fromkeys(line for file in outside for line in explain(file.reason or "")[1:]):
        errors.print(line, highlight=False, soft_wrap=True)
    if quiet:
        return
    console = Console()
    console.print(_table(result, console.width))
    for file in result.files:
        known = [file.reason] if file.status == "skipped" and file.reason else []
        for warning in [*known, *file.warnings]:
            console.print(f"[yellow]![/] {escape(f'{file.file}: {warning}')}", highlight=False)
    _show_next_steps(console, result)


def _table(result: RunResult, width: int) -> Table:
    """Cabe en los 80 caracteres de un terminal recién abierto: la tabla de destino, solo si sobran."""
    wide = width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1) if wide else 0, show_edge=False, show_footer=True)
    table.add_column("archivo", "total", no_wrap=True)
    if wide:
        table.add_column("tabla", no_wrap=True)
    table.add_column("estado", no_wrap=True)
    shown = [name for name in COUNTS if name != "updated" or _total(result, name)]
    for name in shown:
        table.add_column(COUNTS[name], thousands(_total(result, name)), justify="right", no_wrap=True)
    table.add_column("segundos", _seconds(sum(file.seconds for file in result.files)), justify="right")
    for file in result.files:
        counts = [thousands(getattr(file.counts, name)) for name in shown]
        target = [escape(file.table or "")] if wide else []
        table.add_row(escape(file.file), *target, WORDS[file.status], *counts, _seconds(file.seconds))
    return table


def _total(result: RunResult, name: str) -> int:
    return sum(getattr(file.counts, name) for file in result.files)


def _seconds(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def _show_next_steps(console: Console, result: RunResult) -> None:
    filtered = sum(file.counts.filtered for file in result.files)
    rejected = sum(file.counts.rejected for file in result.files) - filtered
    if filtered:
        console.print(f"{rows(filtered)} que descarta su transformación.", highlight=False)
    if result.marts:
        console.print(f"Marts al día: {', '.join(result.marts)}.")
    if rejected:
        console.print(
            f"{rows(rejected)} en cuarentena: véalas con «{program()} rejects».", soft_wrap=True, highlight=False
        )
    console.print(f"Siga con: {program()} status · {program()} report", soft_wrap=True, highlight=False)
