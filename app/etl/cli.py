"""La orden `etl`: lo que se escribe en el terminal. Cada función es una orden y su ayuda.

Al final, cómo acaba una orden: los errores se vuelven un mensaje y un código de salida. 0 todo cargado o ya estaba ·
1 error interno · 2 orden, declaración o migración mal escrita · 3 algún archivo no entró o un mart está mal · 4 la
base de datos no responde o no está preparada · 5 el clúster de Spark no responde · 130/143 interrumpido.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etl.errors import EtlError
from etl.reader import order, shown

if TYPE_CHECKING:
    # Con ellos vienen Arrow y numpy, que «etl --help» no necesita.
    from etl.extract.source import Source
    from etl.parts import Parts
    from etl.run import Progress, RunResult
    from etl.schema import Declared
    from etl.settings import Settings

Paths = Annotated[
    list[Path] | None, typer.Argument(metavar="RUTA...", help="Archivos o carpetas; sin ninguno, datos/.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Sin avance ni resumen; solo los errores.")]
Again = Annotated[bool, typer.Option("--again", help="También los que se cargaron con otra declaración.")]
OneTable = Annotated[str | None, typer.Argument(metavar="TABLA", help="Solo las de esta tabla.")]
# Lo que devuelve un programa que se interrumpe con Ctrl-C; con SIGTERM (`docker stop`), 143.
INTERRUPTED, TERMINATED = 130, 143


def run(ctx: typer.Context, paths: Paths = None, quiet: Quiet = False, again: Again = False) -> None:
    """Carga los archivos que aún no estén cargados y rehace los marts."""
    from etl import declarations, plain

    result = load(ctx, paths, lambda _settings: declarations.load(), again=again)
    plain.show_result(result, quiet, ctx.obj().explain)
    raise typer.Exit(result.exit_code)


def load(
    ctx: typer.Context,
    paths: list[Path] | None,
    declared: "Callable[[Settings], Sequence[Declared]]",
    show_progress: "Callable[[Sequence[Source]], AbstractContextManager[Progress]] | None" = None,
    announce: Callable[[str], None] = lambda _told: None,
    *,
    engine: str = "local",
    again: bool = False,
    as_text: bool = False,
) -> "RunResult":
    """Lo que hace «etl run», sin enseñarlo."""
    from etl import pipeline
    from etl.database import migrate
    from etl.run import open_session

    parts: Parts = ctx.obj()
    settings = parts.live_settings()
    migrate.ensure_ready(settings, parts.check_migrations)
    tables = declared(settings)
    with (
        open_session(settings, engine, lambda *_nothing: None, announce, again) as session,
        show_progress(session.waiting) if show_progress else nullcontext(session.progress) as session.progress,
    ):
        return pipeline.run(session, paths or [], tables, parts, as_text)


def status(ctx: typer.Context) -> None:
    """Enseña las tablas, sus filas y las últimas cargas."""
    from etl import declarations, plain
    from etl.database.connection import connect

    settings, tables = ctx.obj().live_settings(), declarations.load()
    with connect(settings) as connection:
        plain.show_status(connection, tables)


def rejects(ctx: typer.Context, table: OneTable = None) -> None:
    """Enseña las filas rechazadas y por qué."""
    from etl import plain
    from etl.database.connection import connect

    with connect(ctx.obj().live_settings()) as connection:
        plain.show_rejects(connection, table)


def migrate(ctx: typer.Context) -> None:
    """Prepara la base de datos: esquemas, usuarios y tablas."""
    from etl.database.migrate import migrate as prepare

    typer.echo(f"Base de datos en la versión {prepare(ctx.obj().live_settings(), ctx.obj().check_migrations)}.")


def add_core(app: typer.Typer) -> None:
    """Las órdenes del núcleo solo."""
    for command in (run, status, rejects, migrate):
        app.command()(command)


def new_app(add_commands: Callable[[typer.Typer], None] = add_core) -> typer.Typer:
    """La orden, con las del núcleo o las de quien lo acompaña."""
    app = typer.Typer(
        help="De los archivos de datos/ a tablas validadas de PostgreSQL.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    add_commands(app)
    return app


def main(
    arguments: list[str] | None = None,
    assemble: Callable[[], "Parts"] | None = None,
    add_commands: Callable[[typer.Typer], None] = add_core,
) -> None:
    """El punto de entrada: ejecuta la orden y sale con su código. `assemble` da lo que acompaña al núcleo, si hay algo."""
    # Importar las librerías crea muchos objetos y ninguna basura: revisarla costaba 0,1 s por orden.
    gc.set_threshold(300_000)
    # Lo lee numpy, que se importa después: aquí no hay álgebra, y sus hilos costaban 0,1 s de procesador.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):  # con LC_ALL=C no caben todos los signos
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    code = run_command(new_app(add_commands), arguments, cache(assemble or _core_alone))
    # Ídem al salir, 0,25 s: Python buscaría ciclos en todo lo que queda, y el sistema lo libera igual.
    gc.freeze()
    sys.exit(code)


def _core_alone() -> "Parts":
    from etl.parts import Parts

    return Parts()


def run_command(app: typer.Typer, arguments: list[str] | None, parts: Callable[[], "Parts"]) -> int:
    """Ejecuta la orden y devuelve su código; lo que falle queda explicado en el terminal."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code: int = app(arguments, prog_name="etl", standalone_mode=False, obj=parts) or 0
        # Typer convierte un Ctrl-C (y nuestro SIGTERM) en este código, sin decir nada.
        return code if code != INTERRUPTED else _explain(KeyboardInterrupt(), parts)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - todo lo que falle se explica
        return _explain(error, parts)


def _explain(error: Any, parts: Callable[[], "Parts"]) -> int:
    """Enseña un error, su siguiente paso y lo que se sepa de él; devuelve el código de salida."""
    from psycopg import Error, errors  # tarda en importarse; «etl --help» no lo necesita

    name, message, hint, known = type(error).__name__, str(error).strip(), "", [""]
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        message = "Interrumpido: no queda nada a medias."
        hint = "Repita la orden cuando quiera: lo ya cargado se salta."
        code = TERMINATED if Terminated.received else INTERRUPTED
    elif isinstance(error, EtlError):
        message, hint, code, known = (error.message, error.hint, error.exit_code, parts().explain(error.message))
    elif hasattr(error, "format_message"):  # la orden está mal escrita; lo dice Typer
        message, code = error.format_message(), 2
        words = error.ctx.command_path.split()[1:] if error.ctx else []
        hint = f"Vea «{order(' '.join([*words, '--help']))}»."
        if message.startswith("Uso: "):  # sin ninguna orden detrás, se enseña la ayuda
            typer.echo(message, err=True)
            return code
    elif os.environ.get("ETL_DEBUG"):
        raise error
    else:  # nadie lo convirtió en `EtlError`; si su causa es conocida, se dice cuál es
        known = parts().explain(f"{name}: {message}")
        if isinstance(error, errors.LockNotAvailable):
            message, hint, code = "Otra sesión reserva una de las tablas.", "Espere a que acabe esa carga y repita.", 4
        elif isinstance(error, Error):
            message, hint, code = f"PostgreSQL: {message}", "Revise la base de datos y repita la orden.", 4
        else:
            message, hint, code = (f"{name}: {message}", "Es un fallo nuestro. Con ETL_DEBUG=1 verá la traza.", 1)
        hint = (known and known[0]) or hint
    first, *more = known or [""]
    typer.secho(f"Error: {shown(message)}", fg="red", err=True)
    for line in filter(None, (hint or first, *more)):
        typer.echo(shown(line), err=True)
    return code


class Terminated(KeyboardInterrupt):
    """Un SIGTERM; psycopg lo trata como un Ctrl-C y cancela la sentencia en curso."""

    received = False


def _terminate(_number: int, _frame: Any) -> None:
    """`docker stop` pide parar con SIGTERM: se deshace la transacción y se sale enseguida."""
    Terminated.received = True
    raise Terminated
