"""`etl status`: qué hay en la base de datos y qué se cargó últimamente."""

from collections.abc import Iterable
from typing import Any

from psycopg import Connection
from rich import box
from rich.console import Console
from rich.table import Table

from etl.plain import BUSY, STATUSES, status
from etl.reader import program, thousands
from etl.schema import Declared
from extras.marts.groups import kinds
from extras.output import escape

COUNTS = {"loaded": "cargadas", "duplicate": "duplicadas", "rejected": "rechazadas"}


def show_status(connection: Connection[Any], declared: list[Declared]) -> None:
    """Las tablas con sus filas, y las quince últimas cargas."""
    console = Console()
    found = status(connection, declared)
    counted = [(one["table"], BUSY if one["rows"] is None else thousands(one["rows"])) for one in found["tables"]]
    console.print(_grid(["tabla", "filas"], counted, numbers={1}))
    console.print()
    rows = [
        (
            f"{load['started_at']:%d/%m %H:%M}",
            load["file"],
            STATUSES[load["status"]],
            *(thousands(load[f"rows_{name}"]) for name in COUNTS),
        )
        for load in found["loads"]
    ]
    console.print(_grid(["cuándo", "archivo", "estado", *COUNTS.values()], rows, numbers={3, 4, 5}))
    for load in found["loads"]:
        if load["error"]:
            console.print(f"[red]✖[/] {escape(': '.join((load['file'], load['error'])))}", highlight=False)
    for line in kinds(connection):
        console.print(escape(line), highlight=False)
    for line in found["warnings"]:
        console.print(f"[yellow]![/] {escape(line)}", highlight=False, soft_wrap=True)
    if not found["loads"]:
        console.print(f"Todavía no se ha cargado nada: {program()} run")


def _grid(titles: list[str], rows: Iterable[Iterable[str]], numbers: set[int]) -> Table:
    # Sin relleno, los nombres de archivo caben enteros en los 80 caracteres de un terminal.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
