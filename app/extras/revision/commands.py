"""La orden `etl revision`."""

from typing import Annotated

import typer

from etl.reader import order
from extras.output import place


def revision(
    ctx: typer.Context,
    message: Annotated[
        str | None, typer.Argument(metavar="MENSAJE", help="Qué cambia; si no se dice, según lo que sea.")
    ] = None,
) -> None:
    """Escribe la migración que pide lo declarado. La aplica «etl migrate»."""
    from extras.revision.revise import revise

    written = revise(ctx.obj().live_settings(), message)
    for path in written:
        typer.echo(f"Escrito: {place(path)}")
    if written:
        typer.echo(f"Revíselo y aplíquelo: {order('migrate')}")
    else:
        typer.echo("Las tablas ya son como se declaran: no hay nada que escribir.")


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.command()(revision)
