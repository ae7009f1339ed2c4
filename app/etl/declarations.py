"""Encuentra las declaraciones: las de `declared/` o las de otro archivo o carpeta (`--datasets`)."""

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from typing import cast

import sqlalchemy as sa

from etl.database.connection import OWNER, connect
from etl.dataset import Dataset
from etl.errors import UsageError
from etl.settings import Settings

PACKAGE = "declared"


def load(settings: Settings, path: Path | None) -> list[type[Dataset]]:
    """Las clases declaradas. Las de `path` no pasan por Alembic: sus tablas se crean si faltan.

    Lanza `UsageError` si `path` no existe o no declara nada.
    """
    if path is None:
        return import_declared()
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    datasets = [dataset for file in files for dataset in _declared(_import(file))]
    if not datasets:
        raise UsageError(
            f"«{path}» no declara ningún data set.", "Declare una clase que herede de etl.dataset.Dataset."
        )
    _create_tables(settings, datasets)
    return datasets


def import_declared() -> list[type[Dataset]]:
    """Las clases de la carpeta `declared`: un archivo que está en ella está declarado."""
    package = importlib.import_module(PACKAGE)
    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{PACKAGE}.{module}")
    return _declared(f"{PACKAGE}.")


def _import(file: Path) -> str:
    name = f"etl_declared_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.exists():
        raise UsageError(f"No se puede leer «{file}».", "Indique un archivo .py o una carpeta con ellos.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return name


def _declared(module: str) -> list[type[Dataset]]:
    return [dataset for dataset in Dataset.__subclasses__() if dataset.__module__.startswith(module)]


def _create_tables(settings: Settings, datasets: list[type[Dataset]]) -> None:
    tables = [cast(sa.Table, dataset.__table__) for dataset in datasets]
    with connect(settings) as connection:
        names = [table.fullname for table in tables]
        missing = connection.execute(
            "SELECT bool_or(to_regclass(name) IS NULL) FROM unnest(%s::text[]) AS name", (names,)
        )
        if not missing.fetchone()[0]:  # type: ignore[index]
            return
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: connect(settings, role=OWNER))
    Dataset.metadata.create_all(engine, tables)
    engine.dispose()
