"""Cómo se escribe una orden o un número para la persona que lee el mensaje.

Dentro de un contenedor, `etl` y `/datos` no son lo que esa persona tiene en su terminal.
"""

import os
import re
import shutil
import sys
from pathlib import Path

from etl.settings import IN_IMAGE

# Órdenes de terminal (ESC, C1), marcas que no se ven o cambian el sentido de lectura, y medios caracteres.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


OWNER_SERVICE = "docker compose run --rm migrate"


def program() -> str:
    """La orden `etl`, como la tiene que escribir quien lee."""
    if IN_IMAGE:
        return "docker compose run --rm app_etl"
    name = Path(sys.argv[0])
    if name.parts[-2:] == ("etl", "__main__.py"):  # el núcleo solo
        return "python -m etl"
    return os.path.relpath(name) if name.name == "etl" and not shutil.which("etl") else "etl"


def order(words: str) -> str:
    """Una orden con lo que la sigue, como la tiene que escribir quien lee: «etl revision»."""
    name = words.split(maxsplit=1)[0]
    if not IN_IMAGE or name not in ("migrate", "new", "revision"):
        return f"{program()} {words}"
    # Con `migrate`, que entra como dueño; las otras dos escriben en el código, que allí es de solo lectura.
    return OWNER_SERVICE if name == "migrate" else f"CODE_MODE=rw {OWNER_SERVICE} etl {words}"


def shown(text: str) -> str:
    """Un texto que puede venir de un archivo, sin nada que un terminal obedezca o que cambie el orden en que se lee."""
    return UNSEEN.sub(lambda sign: sign[0].encode("unicode_escape", "surrogatepass").decode(), text)


def thousands(number: int) -> str:
    """Con el separador de millares del español: «1.234.567»."""
    return f"{number:,}".replace(",", ".")


def many(count: int, name: str) -> str:
    """«1 columna», «1.234 columnas»."""
    return f"{thousands(count)} {name}{'' if count == 1 else 's'}"


def rows(count: int) -> str:
    """«1 fila», «1.234 filas»."""
    return many(count, "fila")
