"""La orden `etl forget`."""

from pathlib import Path
from typing import Annotated

import typer

from etl.reader import program, rows


def forget(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="ARCHIVO", help="Su ruta, o su nombre en «etl status».")],
) -> None:
    """Deshace la carga de un archivo: sus filas se van. El archivo no se toca."""
    from etl.declarations import load
    from extras.forget.forget import forget as undo

    settings = ctx.obj().live_settings()
    for table, removed, mended in undo(settings, file, load()):
        lost = f" Las que usted había corregido ({mended}) no volverán solas: corríjalas en «{file}»." if mended else ""
        typer.echo(f"{table}: {rows(removed)} menos.{lost}")
    typer.echo(
        f"Si «{file}» sigue en datos/, la próxima carga lo traerá otra vez: sáquelo antes."
        f" Si había sustituido filas de otros archivos, vuelven con: {program()} run"
    )


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.command()(forget)
