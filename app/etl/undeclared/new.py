"""Guarda la declaración de un archivo nuevo y la migración que crea su tabla (`etl new`).

Entra lo que vio `inspection.py`; quedan `datasets/<tabla>.py`, con el texto de `scaffold.py`, y su
revisión de Alembic.
"""

import importlib
import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from etl import datasets
from etl.database.migrate import alembic_config
from etl.errors import UsageError
from etl.screen.reader import place
from etl.settings import IN_IMAGE, Settings
from etl.undeclared.inspection import Inspection
from etl.undeclared.names import table_name
from etl.undeclared.scaffold import class_name, declaration

if TYPE_CHECKING:
    from alembic.script import Script


def write(inspection: Inspection, settings: Settings) -> list[Path]:
    """Escribe la declaración y su migración; devuelve los archivos nuevos.

    Lanza `UsageError` si la tabla ya está declarada. La base de datos tiene que estar al día.
    """
    table = table_name(inspection.source.table_stem)
    folder = Path(datasets.__file__).parent
    path = folder / f"{table}.py"
    if path.exists():
        raise UsageError(f"Ya existe «{path}».", "Corríjalo, o bórrelo para escribirlo de nuevo.")
    try:
        path.write_text(declaration(inspection), encoding="utf-8")
        _register(folder / "__init__.py", table)
    except OSError as error:
        raise UsageError(
            f"No se puede escribir «{path}»: {error.strerror}.", _let_write(inspection)
        ) from error
    importlib.import_module(f"etl.datasets.{table}")
    return [path, _revision(settings, table)]


def _let_write(inspection: Inspection) -> str:
    if not IN_IMAGE:
        return "Mire de quién es esa carpeta."
    # Con `migrate`, que entra como dueño: la migración sale de comparar con sus tablas.
    return (
        "En el contenedor, el código es de solo lectura. Para dejar que lo escriba esta vez:"
        f" CODE_MODE=rw docker compose run --rm migrate etl new {place(inspection.source.path)}"
    )


def _register(index: Path, table: str) -> None:
    """Añade la clase a `datasets/__init__.py`, en su sitio del orden alfabético."""
    text = index.read_text(encoding="utf-8")
    lines = re.findall(r"^from etl\.datasets\..*$", text, re.MULTILINE)
    imports = sorted([*lines, f"from etl.datasets.{table} import {class_name(table)}"])
    names = sorted(line.split(" import ")[1] for line in imports)
    listed = ", ".join(f'"{name}"' for name in names)
    header = text[: text.index(lines[0])]
    index.write_text(header + "\n".join(imports) + f"\n\n__all__ = [{listed}]\n", encoding="utf-8")


def _revision(settings: Settings, table: str) -> Path:
    from alembic import command

    config = alembic_config(settings)
    config.cmd_opts = Namespace(quiet=True)  # su «Generating...» no le dice nada a quien lee
    script = command.revision(config, f"tabla {table}", autogenerate=True)
    return Path(cast("Script", script).path)
