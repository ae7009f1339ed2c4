"""La ayuda y los errores de la orden `etl`, en español.

Typer escribe en inglés lo que no es nuestro («Usage», «No such option»...) y no se deja traducir: aquí
se cambian esas frases en el texto ya hecho. Una que falte sale en inglés; nada más se rompe.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

PHRASES = Path(__file__).with_suffix(".toml")


class Command(TyperCommand):
    """Una orden con la ayuda en español."""

    def get_help(self, ctx: Any) -> str:
        return translate(super().get_help(ctx), "help")


class Group(TyperGroup):
    """Un grupo de órdenes con la ayuda y los errores en español."""

    def get_help(self, ctx: Any) -> str:
        return translate(super().get_help(ctx), "help")

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **options)
        except Exception as error:  # Typer lleva dentro su propia copia de Click: no hay clase que nombrar
            if hasattr(error, "format_message"):
                spanish = translate(error.format_message(), "errors")
                error.format_message = lambda: spanish
            raise


def speak_spanish(app: typer.Typer) -> None:
    """Pone en español la ayuda de una aplicación y de sus grupos, ya con todas sus órdenes."""
    app.info.cls = Group
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance:
            speak_spanish(group.typer_instance)


def translate(text: str, kind: str) -> str:
    """El texto con las frases conocidas en español."""
    for english, spanish in tomllib.loads(PHRASES.read_text(encoding="utf-8"))[kind].items():
        text = re.sub(english, spanish, text)
    return text
