"""Cómo se escribe una orden, una ruta o un número para la persona que lee el mensaje.

Dentro de un contenedor, `etl` y `/datos` no son lo que esa persona tiene en su terminal.
"""

import os
import shutil
import sys
from pathlib import Path

from etl.settings import IN_IMAGE


def program() -> str:
    """La orden `etl`, como la tiene que escribir quien lee."""
    if IN_IMAGE:
        return "docker compose run --rm app_etl"
    name = Path(sys.argv[0])
    return os.path.relpath(name) if name.name == "etl" and not shutil.which("etl") else "etl"


def place(path: Path) -> str:
    """Una ruta, como la ve quien lee: desde su carpeta y, en Docker, la de su máquina."""
    if IN_IMAGE:
        mounted = path.is_relative_to("/datos") or path.is_relative_to("/sql")
        return str(path.relative_to("/")) if mounted else str(path)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def thousands(number: int) -> str:
    """Con el separador de millares del español: «1.234.567»."""
    return f"{number:,}".replace(",", ".")


def rows(count: int) -> str:
    """«1 fila», «1.234 filas»."""
    return f"{thousands(count)} fila{'' if count == 1 else 's'}"
