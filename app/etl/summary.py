"""El resumen de una ejecución, para leerlo en el terminal."""

from rich.console import Console
from rich.table import Table

from etl.progress import thousands
from etl.result import FileResult, RunResult
from etl.settings import Settings

WORDS = {
    "loaded": "[green]cargado[/]",
    "skipped": "[dim]ya estaba[/]",
    "refused": "[red]rechazado[/]",
    "failed": "[red]falló[/]",
}


def show(result: RunResult, settings: Settings, quiet: bool) -> None:
    """La tabla de archivos, los avisos y dónde mirar después; con `quiet`, solo lo que no entró."""
    errors = Console(stderr=True)
    for file in result.files:
        if file.reason:
            errors.print(f"[red]✖[/] {file.file}: {file.reason}", markup=True, highlight=False)
    if quiet:
        return
    console = Console()
    console.print(_table(result))
    for file in result.files:
        for warning in file.warnings:
            console.print(f"[yellow]![/] {file.file}: {warning}", highlight=False)
    _show_next_steps(console, result)


def _table(result: RunResult) -> Table:
    table = Table(title="Archivos", title_justify="left", header_style="bold")
    table.add_column("archivo")
    table.add_column("tabla")
    table.add_column("estado")
    for name in ("leídas", "cargadas", "actualizadas", "duplicadas", "rechazadas", "segundos"):
        table.add_column(name, justify="right")
    for file in result.files:
        table.add_row(*_row(file))
    return table


def _row(file: FileResult) -> list[str]:
    counts = file.counts
    numbers = [counts.read, counts.loaded, counts.updated, counts.duplicate, counts.rejected]
    return [
        file.file,
        file.table or "",
        WORDS[file.status],
        *map(thousands, numbers),
        f"{file.seconds:.2f}".replace(".", ","),
    ]


def _show_next_steps(console: Console, result: RunResult) -> None:
    rejected = sum(file.counts.rejected for file in result.files)
    if result.marts:
        console.print(f"Marts al día: {', '.join(result.marts)}.")
    if rejected:
        console.print(f"{thousands(rejected)} filas en cuarentena: véalas con «etl rejects».")
    console.print("Siga con: etl status · etl rejects · etl db psql")
