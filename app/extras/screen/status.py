"""`etl status`, qué hay en la base de datos y qué se cargó últimamente; y `etl rejects`, qué hay en cuarentena y por qué."""

from pathlib import Path
from typing import Any

from psycopg import Connection
from rich.console import Console

from etl.plain import BUSY, STATUSES, outdated, quarantine, rejected, status
from etl.reader import program, thousands
from etl.schema import Declared
from extras.groups.groups import kinds
from extras.output import MOTIVES, escape, free, grid


def show_status(connection: Connection[Any], declared: list[Declared]) -> None:
    """Las tablas con sus filas, y las quince últimas cargas."""
    console = Console()
    counted, loads = status(connection)
    told = [(name, BUSY if count is None else thousands(count)) for name, count in counted]
    console.print(grid(("tabla", "filas"), told, numbers=("filas",)))
    console.print()
    counts = ("cargadas", "duplicadas", "rechazadas")
    rows = [
        (f"{when:%d/%m %H:%M}", file, STATUSES[state], *map(thousands, numbers))
        for when, file, state, *numbers, _ in loads
    ]
    console.print(grid(("cuándo", "archivo", "estado", *counts), rows, numbers=counts))
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


def show_rejects(connection: Connection[Any], dataset: str | None) -> None:
    """Cuántas filas hay en cuarentena por tabla y motivo, con un ejemplo de cada uno.

    Lanza `UsageError` si no existe esa tabla.
    """
    console, found = Console(), rejected(connection, dataset)
    if not found:
        console.print("No hay filas en cuarentena.")
        return
    rows = [(name, MOTIVES.get(code, code), thousands(count), example) for name, code, count, example in found]
    console.print(grid(("tabla", "motivo", "filas", "por ejemplo"), rows, numbers=("filas",)))
    wanted = dataset or found[0][0].split(".")[1]
    them = "la" if sum(count for _, _, count, _ in found) == 1 else "las"
    target = free(Path(f"datos/salida/{wanted}_corregir.csv")).as_posix()
    command = f"{program()} rejects {wanted} --csv {target}"
    console.print(f"Para corregir{them} en un CSV: {command}", soft_wrap=True, highlight=False)
