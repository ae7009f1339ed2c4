"""`etl status`: qué hay en la base de datos y qué se cargó últimamente."""

from collections.abc import Iterable
from typing import Any

from psycopg import Connection
from rich import box
from rich.console import Console
from rich.table import Table

from etl.plain import BUSY, STATUSES, outdated, quarantine, status
from etl.reader import program, thousands
from etl.schema import Declared
from extras.marts.groups import kinds
from extras.output import escape


def show_status(connection: Connection[Any], declared: list[Declared]) -> None:
    """Las tablas con sus filas, y las quince últimas cargas."""
    console = Console()
    counted, loads = status(connection)
    told = [(name, BUSY if count is None else thousands(count)) for name, count in counted]
    console.print(_grid(["tabla", "filas"], told, numbers={1}))
    console.print()
    titles = ["cuándo", "archivo", "estado", "cargadas", "duplicadas", "rechazadas"]
    rows = [
        (f"{when:%d/%m %H:%M}", file, STATUSES[state], *map(thousands, counts))
        for when, file, state, *counts, _ in loads
    ]
    console.print(_grid(titles, rows, numbers={3, 4, 5}))
    for _, file, *_, error in loads:
        if error:
            console.print(f"[red]✖[/] {escape(f'{file}: {error}')}", highlight=False)
    for line in quarantine(connection):
        console.print(escape(line), highlight=False, soft_wrap=True)
    for line in kinds(connection):
        console.print(escape(line), highlight=False)
    for line in outdated(connection, declared):
        console.print(f"[yellow]![/] {escape(line)}", highlight=False, soft_wrap=True)
    if not loads:
        console.print(f"Todavía no se ha cargado nada: {program()} run")


def _grid(titles: list[str], rows: Iterable[Iterable[str]], numbers: set[int]) -> Table:
    # Sin relleno, los nombres de archivo caben enteros en los 80 caracteres de un terminal.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
