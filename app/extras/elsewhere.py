"""Las declaraciones de un archivo o de una carpeta que no es `declared` (`etl run --datasets`)."""

import importlib.util
import sys
from pathlib import Path
from typing import cast

import sqlalchemy as sa

from etl.database.connection import OWNER, connect
from etl.database.migrate import LOCK
from etl.dataset import Dataset
from etl.declarations import declared_in, in_order
from etl.errors import UsageError, blamed
from etl.schema import Declared
from etl.settings import Settings


def load(path: Path, settings: Settings) -> list[Declared]:
    """Los data sets declarados en `path`, las tablas madre antes que las hijas.

    No pasan por Alembic: sus tablas se crean si faltan.

    Lanza `UsageError` si `path` no existe o no declara nada.
    """
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    datasets = [dataset for file in files for dataset in declared_in(_import(file))]
    if not datasets:
        raise UsageError(
            f"«{path}» no declara ningún data set.", "Declare una clase que herede de etl.dataset.Dataset."
        )
    _create_tables(settings, datasets)
    return in_order(datasets)


def _import(file: Path) -> str:
    name = f"etl_declared_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.exists():
        raise UsageError(f"No se puede leer «{file}».", "Indique un archivo .py o una carpeta con ellos.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with blamed("La declaración", file.parent, file):
        spec.loader.exec_module(module)
    return name


def _create_tables(settings: Settings, datasets: list[type[Dataset]]) -> None:
    tables = [cast(sa.Table, dataset.__table__) for dataset in datasets]
    with connect(settings) as connection:
        names = [table.fullname for table in tables]
        missing = connection.execute(
            "SELECT bool_or(to_regclass(name) IS NULL) FROM unnest(%s::text[]) AS name", (names,)
        )
        if not missing.fetchone()[0]:  # type: ignore[index]
            return
    # Con los porcentajes doblados: los lee psycopg, que también los usa.
    after = (settings.sql_dir / "migrations" / "after.sql").read_text(encoding="utf-8").replace("%", "%%")
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: connect(settings, role=OWNER))
    with engine.begin() as bind:
        bind.exec_driver_sql(LOCK)
        Dataset.metadata.create_all(bind, tables)
        bind.exec_driver_sql(after)  # lo que lleva cualquier tabla, como tras una migración
    engine.dispose()
