"""La orden `etl report`."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    ctx: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option(metavar="ARCHIVO", help="El archivo que se escribe; si no, datos/salida/informe.html."),
    ] = None,
) -> None:
    """Escribe un informe de las cargas. Es una página para el navegador, que se abre sin red."""
    from extras.output import place
    from extras.report.write import write

    written = write(ctx.obj().live_settings(), output)
    typer.echo(f"Informe escrito en {place(written)}: ábralo con el navegador.")


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.command()(report)
