"""Cómo acaba una orden: los errores se vuelven aquí un mensaje y un código de salida.

0 todo cargado o ya estaba · 1 error interno · 2 orden mal escrita · 3 algún archivo no entró ·
4 la base de datos no responde o no está preparada · 5 el clúster de Spark no responde ·
130/143 interrumpido.
"""

import os
import signal
from typing import Any

import typer

from etl.errors import EtlError
from etl.reader import doctor_hint
from etl.settings import IN_IMAGE
from extras.doctor.causes import find_cause
from extras.screen import spanish

# Lo que devuelve un programa que se interrumpe con Ctrl-C; con SIGTERM (`docker stop`), 143.
INTERRUPTED = 130


def run_command(app: typer.Typer, arguments: list[str] | None) -> int:
    """Ejecuta la orden y devuelve su código; lo que falle queda explicado en el terminal."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code: int = app(arguments, prog_name="etl", standalone_mode=False) or 0
        # Typer convierte un Ctrl-C (y nuestro SIGTERM) en este código, sin decir nada.
        return code if code != INTERRUPTED else _interrupted()
    except EtlError as error:
        return _explain(error.message, error.hint, error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted()
    except Exception as error:
        if hasattr(error, "format_message"):  # la orden está mal escrita; lo dice Typer
            return _explain_usage(error)
        if os.environ.get("ETL_DEBUG"):
            raise
        return _explain_unexpected(error)


def _interrupted() -> int:
    return _explain(
        "Interrumpido: no queda nada a medias.",
        "Repita la orden cuando quiera: lo ya cargado se salta.",
        143 if Terminated.received else INTERRUPTED,
    )


def _psycopg_error() -> type[Exception]:
    from psycopg import Error  # tarda en importarse; «etl --help» no lo necesita

    return Error


def _explain_usage(error: Any) -> int:
    message = error.format_message()
    if message.startswith("Uso: "):  # sin ninguna orden detrás, se enseña la ayuda
        typer.echo(message, err=True)
        return 2
    help_command = f"{error.ctx.command_path if error.ctx else 'etl'} --help"
    return _explain(spanish.translate(message, spanish.ERRORS), f"Vea «{help_command}».", 2)


def _explain_unexpected(error: Exception) -> int:
    """Un fallo que nadie convirtió en `EtlError`: si su causa es conocida, se dice cuál es."""
    name, text = type(error).__name__, str(error).strip()
    database = isinstance(error, _psycopg_error())
    hint = (
        "Revise la base de datos y repita la orden."
        if database
        else "Es un fallo nuestro. Con ETL_DEBUG=1 verá la traza."
    )
    cause = find_cause(f"{name}: {text}")
    if cause and (cause.name != "missing_module" or IN_IMAGE) and cause.name != "code":
        hint = f"{cause.meaning} {cause.remedy}"
    return _explain(f"{'PostgreSQL' if database else name}: {text}", hint, 4 if database else 1)


def _explain(message: str, hint: str, exit_code: int) -> int:
    typer.secho(f"Error: {message}", fg="red", err=True)
    if hint:
        typer.echo(hint, err=True)
    if find_cause(message):
        typer.echo(doctor_hint(), err=True)
    return exit_code


class Terminated(KeyboardInterrupt):
    """Un SIGTERM; psycopg lo trata como un Ctrl-C y cancela la sentencia en curso."""

    received = False


def _terminate(_number: int, _frame: Any) -> None:
    """`docker stop` pide parar con SIGTERM: se deshace la transacción y se sale enseguida."""
    Terminated.received = True
    raise Terminated
