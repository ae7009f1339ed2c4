"""Las órdenes del núcleo, con más opciones y otra manera de enseñar lo que hicieron: tablas y colores, o JSON."""

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etl import cli
from etl.cli import Again, OneTable, Paths, Quiet
from etl.errors import UsageError
from etl.reader import order, program, rows, shown
from etl.settings import Settings
from extras.document import AsJson, run_document, write_json

if TYPE_CHECKING:
    from etl.schema import Declared

# Un nombre de antes, que se sigue entendiendo.
OLD_ENGINES = {"pandas": "local"}


def run(
    ctx: typer.Context,
    paths: Paths = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="local|spark", show_default=False, help="Este proceso (local, si no se dice) o un clúster (spark)."
        ),
    ] = "local",
    datasets: Annotated[
        Path | None, typer.Option(metavar="RUTA", help="Declaraciones de otro archivo o carpeta.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    as_text: Annotated[
        bool, typer.Option("--text", help="Todas las columnas como texto, a staging; nada se interpreta.")
    ] = False,
    again: Again = False,
) -> None:
    """Carga los archivos que aún no estén cargados y rehace los marts."""
    from extras.screen.progress import show_progress

    engine, engines = OLD_ENGINES.get(engine, engine), ctx.obj().engines
    if engine not in engines:
        raise UsageError(
            f"El valor de «--engine» no vale: «{engine}» no es uno de {', '.join(engines)}.",
            f"Vea «{order('run --help')}».",
        )
    meanwhile = () if quiet or as_json else (show_progress, _say)
    result = cli.load(ctx, paths, partial(_declared, datasets), *meanwhile, engine=engine, again=again, as_text=as_text)
    if as_json:
        write_json(run_document(result))
    elif not quiet or result.exit_code:
        from extras.screen.summary import show_result  # rich tarda, y así no se paga antes de cargar

        show_result(result, quiet, ctx.obj().explain)
    raise typer.Exit(result.exit_code)


def _declared(elsewhere: Path | None, settings: Settings) -> "list[Declared]":
    if elsewhere:
        from extras.elsewhere import load

        return load(elsewhere, settings)
    from etl import declarations

    return declarations.load()


def status(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Enseña las tablas, sus filas y las últimas cargas."""
    from etl import declarations
    from etl.database.connection import connect
    from extras.quarantine.status import status as find

    settings, tables = ctx.obj().live_settings(), declarations.load()
    with connect(settings) as connection:
        if as_json:
            write_json(find(connection, tables))
        else:
            from extras.screen.status import show_status

            show_status(connection, tables)


def rejects(
    ctx: typer.Context,
    table: OneTable = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="ARCHIVO", help="Las escribe en un CSV para corregirlas y cargarlas."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Enseña las filas rechazadas y por qué. Con --csv, las prepara para corregirlas."""
    from etl import declarations, plain
    from etl.database.connection import connect

    settings = ctx.obj().live_settings()
    if csv is None:
        with connect(settings) as connection:
            if as_json:
                write_json({"rejects": plain.rejected(connection, table)})
            else:
                from extras.screen.status import show_rejects

                show_rejects(connection, table)
        return
    from extras.quarantine.export import export_rejects

    count = export_rejects(settings, table, csv, declarations.load())
    cure = "Corríjala y cárguela" if count == 1 else "Corríjalas y cárguelas"
    typer.echo(f"{rows(count)} en «{csv}».{f' {cure}: {program()} run {shlex.quote(str(csv))}' if count else ''}")


def _say(text: str) -> None:
    typer.echo(shown(text), err=True)


def add(app: typer.Typer) -> None:
    """Añade las órdenes del núcleo, menos `migrate`, que es la suya."""
    for command in (run, status, rejects):
        app.command()(command)
