"""Lo que dice la orden `etl` de sí misma: su versión, y cómo la completa el tabulador."""

import os
from typing import Annotated, Any

import typer
from typer._completion_shared import Shells, get_completion_script

import etl


def root(
    version: Annotated[bool, typer.Option("--version", help="Dice qué versión es.")] = False,
    completion: Annotated[
        Shells | None,
        typer.Option(
            metavar="bash|zsh|fish|powershell",
            help="Lo que hace que el tabulador complete las órdenes en ese terminal.",
        ),
    ] = None,
) -> None:
    """De los archivos de datos/ a tablas validadas de PostgreSQL."""
    if version:
        typer.echo(f"etl {etl.__version__}")
    elif completion:
        typer.echo(get_completion_script(prog_name="etl", complete_var="_ETL_COMPLETE", shell=completion.value))
    if version or completion:
        raise typer.Exit


class OnlyOrders:
    """Completa órdenes y opciones. De las rutas se encarga el terminal, que se lo pide a Typer y recibiría lo escrito."""

    def get_completions(self, arguments: list[str], incomplete: str) -> Any:
        found = super().get_completions(arguments, incomplete)  # type: ignore[misc]
        return [item for item in found if item.type == "plain"]


def add(app: typer.Typer) -> None:
    """Añade las opciones de `etl` a secas."""
    app.callback(invoke_without_command=True)(root)
    if "_ETL_COMPLETE" in os.environ:  # lo pone el terminal, cuando se pulsa el tabulador
        from typer import _completion_classes as shells

        for name in ("Bash", "Zsh", "Fish", "PowerShell"):
            shell = getattr(shells, f"{name}Complete")
            shells.add_completion_class(type(name, (OnlyOrders, shell), {}), shell.name)  # type: ignore[attr-defined]
