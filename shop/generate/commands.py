"""La orden `etl generate`."""

from pathlib import Path
from typing import Annotated

import typer

from etl.reader import program
from etl.settings import IN_IMAGE, load_settings


def generate(
    rows: Annotated[
        int, typer.Option(min=1, metavar="N", show_default=False, help="Líneas de venta; si no, 50.000.")
    ] = 50_000,
    output: Annotated[Path | None, typer.Option(metavar="CARPETA", help="Carpeta de salida; si no, datos/.")] = None,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N", show_default=False, help="La misma semilla da los mismos archivos, byte a byte; si no, 2026."
        ),
    ] = 2026,
) -> None:
    """Genera la tienda de ejemplo del tamaño que se pida. Lleva errores puestos a propósito."""
    from generate.shop_files import generate as generate_shop

    folder = output or load_settings().datos_dir
    files = generate_shop(folder, rows, seed)
    total = sum(file.rows_read for file in files.values())
    typer.echo(f"{total} filas en {len(files)} archivos de {folder}; sus errores, en {folder / 'README.md'}.")
    if output is not None and not IN_IMAGE:
        # En la misma base de datos, sus ventas sustituirían a las que llevan el mismo número.
        typer.echo(f"Para cargarlos en una base de datos aparte: DB_NAME=generada {program()} run {folder}")


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.command()(generate)
