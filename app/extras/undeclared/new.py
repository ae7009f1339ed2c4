"""Guarda la declaración de un archivo nuevo y la migración que crea su tabla (`etl new`).

Entra lo que vio `inspection.py`; quedan `declared/<tabla>.py`, con el texto de `scaffold.py`, y su
revisión de Alembic.
"""

import importlib
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from etl.database.migrate import alembic_config
from etl.declarations import declared_folder
from etl.errors import UsageError
from etl.reader import place
from etl.settings import IN_IMAGE, Settings
from extras.undeclared.inspection import Inspection
from extras.undeclared.names import table_name
from extras.undeclared.scaffold import declaration

if TYPE_CHECKING:
    from alembic.script import Script


def write(inspection: Inspection, settings: Settings) -> list[Path]:
    """Escribe la declaración y su migración; devuelve los archivos nuevos.

    Lanza `UsageError` si la tabla ya está declarada. La base de datos tiene que estar al día.
    """
    table = table_name(inspection.source.table_stem)
    folder = declared_folder()
    path = folder / f"{table}.py"
    if path.exists():
        raise UsageError(f"Ya existe «{path}».", "Corríjalo, o bórrelo para escribirlo de nuevo.")
    try:
        path.write_text(declaration(inspection), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"No se puede escribir «{path}»: {error.strerror}.", _let_write(inspection)
        ) from error
    importlib.import_module(f"declared.{table}")
    return [path, _revision(settings, table)]


def _let_write(inspection: Inspection) -> str:
    if not IN_IMAGE:
        return "Mire de quién es esa carpeta."
    # Con `migrate`, que entra como dueño: la migración sale de comparar con sus tablas.
    return (
        "En el contenedor, el código es de solo lectura. Para dejar que lo escriba esta vez:"
        f" CODE_MODE=rw docker compose run --rm migrate etl new {place(inspection.source.path)}"
    )


def _revision(settings: Settings, table: str) -> Path:
    from alembic import command

    config = alembic_config(settings)
    config.cmd_opts = Namespace(quiet=True)  # su «Generating...» no le dice nada a quien lee
    script = command.revision(config, f"tabla {table}", autogenerate=True)
    return Path(cast("Script", script).path)
