"""La orden `etl`: lo que se escribe en el terminal. Cada función es una orden y su ayuda.

Al final, cómo acaba una orden: los errores se vuelven un mensaje y un código de salida. 0 todo cargado o ya estaba ·
1 error interno · 2 orden, declaración o migración mal escrita · 3 algún archivo no entró o un mart está mal · 4 la
base de datos no responde o no está preparada · 5 el clúster de Spark no responde · 130/143 interrumpido.
"""

import gc
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etl.errors import EtlError, UsageError
from etl.reader import UNSEEN, order, program, rows, shown
from etl.settings import Settings, load_settings

if TYPE_CHECKING:
    from etl.parts import Parts  # con él vienen Arrow y numpy, que «etl --help» no necesita

AsJson = Annotated[bool, typer.Option("--json", help="Un documento JSON por la salida estándar.")]
# Un nombre de antes, que se sigue entendiendo.
OLD_ENGINES = {"pandas": "local"}
# Lo que devuelve un programa que se interrumpe con Ctrl-C; con SIGTERM (`docker stop`), 143.
INTERRUPTED, TERMINATED = 130, 143


def run(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="RUTA...", help="Archivos o carpetas; sin ninguno, datos/.")
    ] = None,
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
    quiet: Annotated[bool, typer.Option("--quiet", help="Sin avance ni resumen; solo los errores.")] = False,
    as_text: Annotated[
        bool, typer.Option("--text", help="Todas las columnas como texto, a staging; nada se interpreta.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="También los que se cargaron con otra declaración.")] = False,
) -> None:
    """Carga los archivos que aún no estén cargados y rehace los marts."""
    from etl import pipeline
    from etl.database import migrate
    from etl.run import open_session

    parts: Parts = ctx.obj()
    engine = OLD_ENGINES.get(engine, engine)
    if engine not in parts.engines:
        known = ", ".join(parts.engines)
        raise UsageError(
            f"El valor de «--engine» no vale: «{engine}» no es uno de {known}.", f"Vea «{order('run --help')}»."
        )
    settings = live_settings(ctx)
    migrate.ensure_ready(settings, parts.check_migrations)
    tables = parts.declared(settings, datasets)
    silent = quiet or as_json
    with (
        open_session(settings, engine, _ignore, _ignore if silent else _say, again) as session,
        nullcontext(_ignore) if silent else parts.show_progress(session.waiting) as session.progress,
    ):
        result = pipeline.run(session, paths or [], tables, parts, as_text)
    exit_code = result.exit_code
    if as_json:
        write_json(result.to_json())
    elif not quiet or exit_code:
        parts.show_result(result, quiet, parts.explain)
    raise typer.Exit(exit_code)


def status(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Enseña las tablas, sus filas y las últimas cargas."""
    from etl import declarations, plain
    from etl.database.connection import connect

    settings = live_settings(ctx)
    tables = declarations.load()
    with connect(settings) as connection:
        if as_json:
            write_json(plain.status(connection, tables))
        else:
            ctx.obj().show_status(connection, tables)


def rejects(
    ctx: typer.Context,
    dataset: Annotated[str | None, typer.Argument(metavar="TABLA", help="Solo las de esta tabla.")] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="ARCHIVO", help="Las escribe en un CSV para corregirlas y cargarlas."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Enseña las filas rechazadas y por qué. Con --csv, las prepara para corregirlas."""
    from etl import declarations, plain
    from etl.database.connection import connect

    settings = live_settings(ctx)
    if csv is None:
        with connect(settings) as connection:
            if as_json:
                write_json({"rejects": plain.rejected(connection, dataset)})
            else:
                ctx.obj().show_rejects(connection, dataset)
        return
    count = ctx.obj().export_rejects(settings, dataset, csv, declarations.load())
    cure = "Corríjala y cárguela" if count == 1 else "Corríjalas y cárguelas"
    typer.echo(f"{rows(count)} en «{csv}».{f' {cure}: {program()} run {shlex.quote(str(csv))}' if count else ''}")


def migrate(ctx: typer.Context) -> None:
    """Prepara la base de datos: esquemas, usuarios y tablas."""
    from etl.database.migrate import migrate as prepare

    typer.echo(f"Base de datos en la versión {prepare(live_settings(ctx), ctx.obj().check_migrations)}.")


def new_app(add_commands: Callable[[typer.Typer], None]) -> typer.Typer:
    """La orden, con las del núcleo y las de quien lo acompaña."""
    app = typer.Typer(
        help="De los archivos de datos/ a tablas validadas de PostgreSQL.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for command in (run, status, rejects, migrate):
        app.command()(command)
    add_commands(app)
    return app


def live_settings(ctx: typer.Context) -> Settings:
    """La configuración, con un servidor en marcha."""
    parts: Parts = ctx.obj()
    return parts.server(load_settings())


def write_json(document: Any) -> None:
    """Lo que se pidió con --json."""
    text = json.dumps(document, ensure_ascii=False, indent=2, default=datetime.isoformat)
    # En JSON, lo que obedecería un terminal se escribe también con su número.
    sys.stdout.write(UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text) + "\n")


def _say(text: str) -> None:
    typer.echo(shown(text), err=True)


def _ignore(*_told: Any) -> None:
    pass


def main(
    arguments: list[str] | None = None,
    assemble: Callable[[], "Parts"] | None = None,
    add_commands: Callable[[typer.Typer], None] = _ignore,
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
        message, hint = (
            "Interrumpido: no queda nada a medias.",
            "Repita la orden cuando quiera: lo ya cargado se salta.",
        )
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
