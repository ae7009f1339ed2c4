"""Las órdenes `etl db ...`: la base de datos propia, la que se usa sin `DB_HOST`."""

import os
from dataclasses import replace
from typing import Annotated
from urllib.parse import quote

import typer

from etl.settings import Settings
from extras.settings import load_settings, with_server

database = typer.Typer(help="La base de datos propia, la que se usa sin DB_HOST.", no_args_is_help=True)


@database.command()
def start() -> None:
    """Arranca la base de datos propia y dice dónde está."""
    typer.echo(f"En marcha: {_url(with_server(_own_server()))}")


@database.command()
def stop() -> None:
    """Detiene la base de datos propia. Los datos se quedan en .local/."""
    from extras.embedded import lifecycle as embedded

    settings = _own_server()
    stopped = embedded.stop(settings.local_dir, settings.pg_version)
    typer.echo("Detenida." if stopped else "No estaba en marcha.")


@database.command()
def url() -> None:
    """Escribe la dirección de la base de datos. Vale para psql, DBeaver o un cuaderno."""
    typer.echo(_url(with_server(load_settings())))


@database.command(context_settings={"ignore_unknown_options": True})
def psql(
    ctx: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="ARGUMENTO...")] = None,
    owner: Annotated[bool, typer.Option("--owner", help="Como su dueño, que lo puede todo.")] = False,
) -> None:
    """Abre psql en la base de datos. En la propia, como el lector: se mira y no se toca."""
    from etl.database.migrate import READER, ensure_ready
    from extras.embedded import lifecycle as embedded

    given = load_settings()
    settings = with_server(given)
    if not (owner or given.db_host):
        ensure_ready(settings, ctx.obj().check_migrations)
        settings = replace(settings, db_user=READER, db_password=settings.reader_password)
    program = str(embedded.psql_path(settings.pg_version))
    # La contraseña, por el entorno: los argumentos de un programa los ve cualquiera con «ps».
    os.environ["PGPASSWORD"] = settings.db_password
    os.execv(program, [program, _url(replace(settings, db_password="")), *(arguments or [])])


def _own_server() -> Settings:
    return replace(load_settings(), db_host=None)


def _url(settings: Settings) -> str:
    user, password = quote(settings.db_user, safe=""), quote(settings.db_password, safe="")
    who = f"{user}:{password}" if password else user
    return f"postgresql://{who}@{settings.db_host}:{settings.db_port}/{settings.db_name}"


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.add_typer(database, name="db")
