"""`etl status`, qué hay en la base de datos y qué se cargó últimamente; y `etl rejects`, qué hay en cuarentena y por qué."""

from pathlib import Path
from typing import Any

from psycopg import Connection
from rich.console import Console

from etl.plain import BUSY, STATUSES, rejected
from etl.reader import program, thousands
from etl.schema import Declared
from extras.marts.groups import kinds
from extras.output import MOTIVES, escape, free, grid
from extras.quarantine.status import status

COUNTS = {"rows_loaded": "cargadas", "rows_duplicate": "duplicadas", "rows_rejected": "rechazadas"}


def show_status(connection: Connection[Any], declared: list[Declared]) -> None:
    """Las tablas con sus filas, y las quince últimas cargas."""
    console = Console()
    found = status(connection, declared)
    counted = [(one["table"], BUSY if one["rows"] is None else thousands(one["rows"])) for one in found["tables"]]
    console.print(grid(("tabla", "filas"), counted, numbers=("filas",)))
    console.print()
    rows = [
        (
            f"{load['started_at']:%d/%m %H:%M}",
            load["file"],
            STATUSES[load["status"]],
            *(thousands(load[name]) for name in COUNTS),
        )
        for load in found["loads"]
    ]
    console.print(grid(("cuándo", "archivo", "estado", *COUNTS.values()), rows, numbers=COUNTS.values()))
    for load in {load["file"]: load for load in reversed(found["loads"])}.values():  # lo último de cada archivo
        if load["error"]:
            console.print(f"[red]✖[/] {escape(': '.join((load['file'], load['error'])))}", highlight=False)
    for line in kinds(connection):
        console.print(escape(line), highlight=False)
    for line in found["warnings"]:
        console.print(f"[yellow]![/] {escape(line)}", highlight=False, soft_wrap=True)
    if not found["loads"]:
        console.print(f"Todavía no se ha cargado nada: {program()} run")


def show_rejects(connection: Connection[Any], dataset: str | None) -> None:
    """Cuántas filas hay en cuarentena por tabla y motivo, con un ejemplo de cada uno.

    Lanza `UsageError` si no existe esa tabla.
    """
    console, found = Console(), rejected(connection, dataset)
    if not found:
        console.print("No hay filas en cuarentena.")
        return
    rows = [
        (one["table"], MOTIVES.get(one["code"], one["code"]), thousands(one["rows"]), one["example"]) for one in found
    ]
    console.print(grid(("tabla", "motivo", "filas", "por ejemplo"), rows, numbers=("filas",)))
    wanted = dataset or found[0]["table"].split(".")[1]
    them = "la" if sum(one["rows"] for one in found) == 1 else "las"
    target = free(Path(f"datos/salida/{wanted}_corregir.csv")).as_posix()
    command = f"{program()} rejects {wanted} --csv {target}"
    console.print(f"Para corregir{them} en un CSV: {command}", soft_wrap=True, highlight=False)
