"""La orden `etl catalog`."""

import typer

from etl.reader import shown


def catalog(ctx: typer.Context) -> None:
    """Escribe el diccionario de datos, en Markdown."""
    from etl import declarations
    from extras.catalog.markdown import markdown
    from extras.catalog.tables import read_tables, reading

    with reading(ctx.obj().live_settings()) as connection:
        tables = read_tables(connection, ["datos", "marts"])
    typer.echo(shown(markdown(tables, declarations.load())), nl=False)


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.command()(catalog)
