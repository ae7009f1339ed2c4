"""La ayuda y los errores de la orden `etl`, en español.

Typer escribe en inglés lo que no es nuestro («Usage», «No such option»...) y no se deja traducir: aquí
se cambian esas frases en el texto ya hecho. Una que falte sale en inglés; nada más se rompe.
"""

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

Phrases = tuple[tuple[str, str], ...]

HELP: Phrases = (
    (r"(?m)^Usage: ", "Uso: "),
    (r"\[OPTIONS\]", "[OPCIONES]"),
    (r"COMMAND \[ARGS\]\.\.\.", "ORDEN [ARGUMENTO]..."),
    (r"(?m)^Arguments:$", "Argumentos:"),
    (r"(?m)^Options:$", "Opciones:"),
    (r"(?m)^Commands:$", "Órdenes:"),
    (r"Show this message and exit\.", "Enseña esta ayuda."),
    (r"\[required\]", "[obligatorio]"),
    (r"\{([A-Z.]+)\}", r"\1"),
    (r"\[x>=(\d+)\]", r"[\1 o más]"),
)
ERRORS: Phrases = (
    (r"No such command '(.+?)'\.?", r"No hay ninguna orden «\1»."),
    (r"No such option: (\S+)", r"No hay ninguna opción «\1»."),
    (r" ?Did you mean '?(.+?)'?\?", r" ¿Quería decir «\1»?"),
    (r"\(Possible options: (.+)\)", r"Se parecen: \1."),
    (r"Missing argument '(.+)'\.", r"Falta decir «\1»."),
    (r"Missing command\.", "Falta la orden."),
    (r"Option '(.+)' requires an argument\.", r"Falta el valor de «\1»."),
    (r"Option '(.+)' does not take a value\.", r"«\1» no lleva ningún valor."),
    (r"Got unexpected extra argument\(s\) \((.+)\)", r"Sobra «\1»."),
    (r"Invalid value for '(.+?)': ", r"El valor de «\1» no vale: "),
    (r"'(.+)' is not one of (.+)\.", r"«\1» no es uno de \2."),
    (r"'(.+)' is not a valid int(?:eger)?(?: range)?\.", r"se leyó «\1» y se esperaba un número entero."),
    (r"(\S+) is not in the range x>=(\d+)\.", r"se leyó «\1» y se esperaba \2 o más."),
)


class Command(TyperCommand):
    """Una orden con la ayuda en español."""

    def get_help(self, ctx: Any) -> str:
        return translate(super().get_help(ctx), HELP)


class Group(TyperGroup):
    """Un grupo de órdenes con la ayuda y los errores en español."""

    def get_help(self, ctx: Any) -> str:
        return translate(super().get_help(ctx), HELP)

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **options)
        except Exception as error:  # Typer lleva dentro su propia copia de Click: no hay clase que nombrar
            if hasattr(error, "format_message"):
                spanish = translate(error.format_message(), ERRORS)
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


def translate(text: str, phrases: Phrases) -> str:
    """El texto con las frases conocidas en español."""
    for english, spanish in phrases:
        text = re.sub(english, spanish, text)
    return text
