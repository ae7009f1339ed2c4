"""La orden `etl profile`."""

from dataclasses import asdict
from typing import Annotated

import typer

from etl.errors import UsageError
from etl.reader import program
from extras.document import AsJson, write_json


def profile(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TABLA", help="Con su esquema o sin él.")],
    as_json: AsJson = False,
) -> None:
    """Enseña cómo son los datos de una tabla."""
    from extras.catalog.tables import read_tables, reading
    from extras.profile import profile as its
    from extras.profile.show import show

    with reading(ctx.obj().live_settings()) as connection:
        table = next((one for one in read_tables(connection) if name in (one.name, one.full_name)), None)
        if table is None:
            raise UsageError(f"No hay ninguna tabla «{name}».", f"Véalas con «{program()} status».")
        found = its.profile(connection, table)
    if as_json:
        write_json(asdict(found))
    else:
        show(found)


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.command()(profile)
