"""`etl status`: qué hay en la base de datos y qué se cargó últimamente."""

from typing import Any

from psycopg import sql
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from etl.database.connection import Connection, connect
from etl.reader import program
from etl.settings import Settings
from extras.screen.progress import thousands

TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables"
    " WHERE table_schema IN ('datos', 'staging', 'marts') ORDER BY 1, 2"
)
LAST_LOADS = (
    "SELECT to_char(started_at, 'DD/MM HH24:MI'), file, status, rows_loaded, rows_duplicate, rows_rejected, error"
    " FROM etl.loads ORDER BY load_id DESC LIMIT 15"
)
WORDS = {"loaded": "cargado", "replaced": "reemplazado", "refused": "rechazado", "failed": "falló"}


def show_status(settings: Settings) -> None:
    """Las tablas con sus filas, y las quince últimas cargas."""
    console = Console()
    with connect(settings) as connection:
        tables = connection.execute(TABLES).fetchall()
        counted = [(f"{schema}.{name}", _count(connection, schema, name)) for schema, name in tables]
        loads = connection.execute(LAST_LOADS).fetchall()
    console.print(_grid(["tabla", "filas"], counted, numbers={1}))
    console.print()
    titles = ["cuándo", "archivo", "estado", "cargadas", "duplicadas", "rechazadas"]
    rows = [(when, file, WORDS[status], *counts) for when, file, status, *counts, _ in loads]
    console.print(_grid(titles, rows, numbers={3, 4, 5}))
    for _, file, *_, error in loads:
        if error:
            console.print(f"[red]✖[/] {escape(f'{file}: {error}')}", highlight=False)
    if not loads:
        console.print(f"Todavía no se ha cargado nada: {program()} run")


def _count(connection: Connection, schema: str, name: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, name))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _grid(titles: list[str], rows: list[tuple[Any, ...]], numbers: set[int]) -> Table:
    # Sin relleno, los nombres de archivo caben enteros en los 80 caracteres de un terminal.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(
            *(thousands(cell) if place in numbers else escape(str(cell)) for place, cell in enumerate(row))
        )
    return table
