"""Las órdenes `etl inspect` y `etl new`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etl.errors import EtlError, UsageError
from extras.document import AsJson, write_json
from extras.settings import load_settings

if TYPE_CHECKING:
    from etl.extract.source import Source
    from etl.parts import Parts
    from etl.schema import Declared


def inspect(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="RUTA...", help="Archivos o carpetas.")],
    as_json: AsJson = False,
) -> None:
    """Enseña qué hay en un archivo y cómo está escrito, sin cargarlo."""
    from etl.pipeline import declared_for
    from extras.undeclared import show as screen
    from extras.undeclared.inspection import Refused, look_or_refuse

    looked = [look_or_refuse(source) for source in tables_in(paths, ctx.obj())]
    if as_json:
        write_json({"files": [one.to_json() for one in looked]})
    else:
        tables, inside = _declared(), Counter(one.source.path for one in looked)
        for one in looked:
            alone = inside[one.source.path] == 1 and not one.source.part
            screen.show(one, alone and declared_for(one.source, tables) is None)
    raise typer.Exit(3 if any(isinstance(one, Refused) for one in looked) else 0)


def new(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="ARCHIVO", help="El archivo que se quiere declarar.")],
) -> None:
    """Escribe la declaración de un archivo y su migración. Quedan listas para corregir."""
    from etl.database.migrate import ensure_ready
    from etl.reader import order
    from extras.output import place
    from extras.undeclared.inspection import inspect as look
    from extras.undeclared.new import write

    sources = tables_in([path], ctx.obj())
    if len(sources) != 1 or sources[0].part:
        raise UsageError(f"«{path}» tiene varias tablas.", "Guarde cada una en su archivo.")
    inspection = look(sources[0])
    settings = ctx.obj().live_settings()
    ensure_ready(settings, ctx.obj().check_migrations)
    for written in write(inspection, settings):
        typer.echo(f"Escrito: {place(written)}")
    typer.echo(f"Revíselo y ejecute «{order('migrate')}» y «{order('run')}»: el archivo pasará de staging a su tabla.")


def _declared() -> "list[Declared]":
    """Lo que se declara; nada si está mal escrito, que mirar un archivo no lo necesita."""
    from etl.declarations import load

    try:
        return load()
    except EtlError:
        return []


def tables_in(paths: list[Path], found: "Parts") -> "list[Source]":
    """Las tablas que hay en unos archivos."""
    from etl.extract.discover import discover
    from extras.undeclared.parts import parts

    return [part for source in discover(paths, load_settings().datos_dir, found.members) for part in parts(source)]


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.command()(inspect)
    app.command()(new)
