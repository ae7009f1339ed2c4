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

from etl.database.migrate import versions_folder
from etl.dataset import Dataset
from etl.declarations import PACKAGE, declared_folder, import_declared
from etl.errors import UsageError
from etl.reader import order
from etl.settings import Settings
from extras.output import place
from extras.revision.revise import let_write, revise
from extras.undeclared.inspection import Inspection
from extras.undeclared.names import class_name, module_name, table_of
from extras.undeclared.scaffold import declaration


def write(inspection: Inspection, settings: Settings) -> list[Path]:
    """Escribe la declaración y, si no existe ya su tabla, su migración; devuelve los archivos nuevos.

    Lanza `UsageError` si la tabla ya está declarada. La base de datos tiene que estar al día.
    """
    table = table_of(inspection.source)
    module = module_name(table)
    folder, path = declared_folder(), declared_folder() / f"{module}.py"
    _check_new(table, path)
    name = class_name(table, [known.__name__ for known in Dataset.__subclasses__()])
    with _all_or_nothing(folder, versions_folder(settings)):
        text = declaration(inspection, name)
        ast.parse(text)  # lo que no se entienda no llega al disco
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(
                f"No se puede escribir «{place(path)}»: {error.strerror}.",
                let_write(f"new {shlex.quote(place(inspection.source.path))}"),
            ) from error
        importlib.invalidate_caches()
        importlib.import_module(f"{PACKAGE}.{module}")
        return [path, *revise(settings, f"tabla {table}")]


def _check_new(table: str, path: Path) -> None:
    declared = {str(one.__tablename__): one.__module__.rpartition(".")[2] for one in import_declared()}
    if table in declared or path.exists():
        file = path.with_name(f"{declared.get(table, path.stem)}.py")
        raise UsageError(
            f"La tabla «{table}» ya está declarada en «{place(file)}».",
            f"Corríjala ahí y escriba su migración («{order('revision')}»); o borre ese archivo y repita la orden.",
        )


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
