"""Guarda la declaración de un archivo nuevo y la migración que crea su tabla (`etl new`).

Entra lo que vio `inspection.py`; quedan `declared/<tabla>.py`, con el texto de `scaffold.py`, y su
revisión de Alembic. Si algo falla, no queda nada: una declaración a medias estropearía todas las órdenes.
"""

import ast
import importlib
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from etl.database.migrate import write_revision
from etl.dataset import Dataset
from etl.declarations import PACKAGE, declared_folder
from etl.errors import UsageError
from etl.reader import place
from etl.settings import IN_IMAGE, Settings
from extras.undeclared.inspection import Inspection
from extras.undeclared.names import class_name, module_name, table_name
from extras.undeclared.scaffold import declaration


def write(inspection: Inspection, settings: Settings) -> list[Path]:
    """Escribe la declaración y su migración; devuelve los archivos nuevos.

    Lanza `UsageError` si la tabla ya está declarada. La base de datos tiene que estar al día.
    """
    table = table_name(inspection.source.table_stem)
    module = module_name(table)
    name = class_name(table, [known.__name__ for known in Dataset.__subclasses__()])
    folder, revisions = declared_folder(), settings.sql_dir / "migrations" / "versions"
    path = folder / f"{module}.py"
    if path.exists():
        raise UsageError(
            f"Ya existe «{path}».", "Corríjalo y ejecute «etl revision», o bórrelo para escribirlo de nuevo."
        )
    with _all_or_nothing(folder, revisions):
        try:
            _save(path, declaration(inspection, name))
        except OSError as error:
            raise UsageError(
                f"No se puede escribir «{path}»: {error.strerror}.", _let_write(inspection)
            ) from error
        importlib.invalidate_caches()
        importlib.import_module(f"{PACKAGE}.{module}")
        revision = write_revision(settings, f"tabla {table}")
        assert revision is not None
        ast.parse(revision.read_text(encoding="utf-8"))
        return [path, revision]


@contextmanager
def _all_or_nothing(*folders: Path) -> Iterator[None]:
    """Si algo falla, borra lo que se escribiera de nuevo en las carpetas."""
    there = {path for folder in folders for path in folder.glob("*.py")}
    try:
        yield
    except BaseException:
        for path in {path for folder in folders for path in folder.glob("*.py")} - there:
            path.unlink()
        raise


def _save(path: Path, text: str) -> None:
    """Guarda un texto de Python, si de verdad lo es: lo que no se entienda no llega al disco."""
    ast.parse(text)
    path.write_text(text, encoding="utf-8")


def _let_write(inspection: Inspection) -> str:
    if not IN_IMAGE:
        return "Mire de quién es esa carpeta."
    # Con `migrate`, que entra como dueño: la migración sale de comparar con sus tablas.
    return (
        "En el contenedor, el código es de solo lectura. Para dejar que lo escriba esta vez:"
        f" CODE_MODE=rw docker compose run --rm migrate etl new {shlex.quote(place(inspection.source.path))}"
    )
