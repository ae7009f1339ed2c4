"""`etl rejects`: qué filas hay en cuarentena y por qué."""

from pathlib import Path
from typing import Any

from psycopg import Connection
from rich import box
from rich.console import Console
from rich.table import Table

from etl.plain import rejected
from etl.reader import program, thousands
from extras.output import MOTIVES, escape, free


def show_rejects(connection: Connection[Any], dataset: str | None) -> None:
    """Cuántas filas hay en cuarentena por tabla y motivo, con un ejemplo de cada uno.

    Lanza `UsageError` si no existe esa tabla.
    """
    found = rejected(connection, dataset)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for title in ("tabla", "motivo", "filas", "por ejemplo"):
        table.add_column(title, justify="right" if title == "filas" else "left", overflow="fold")
    for one in found:
        table.add_row(
            one["table"], MOTIVES.get(one["code"], one["code"]), thousands(one["rows"]), escape(one["example"])
        )
    console = Console()
    console.print(table if found else "No hay filas en cuarentena.")
    if found:
        wanted = dataset or found[0]["table"].split(".")[1]
        them = "la" if sum(one["rows"] for one in found) == 1 else "las"
        console.print(
            f"Para corregir{them} en un CSV: {program()} rejects {wanted} --csv"
            f" {free(Path(f'datos/salida/{wanted}_corregir.csv')).as_posix()}",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
