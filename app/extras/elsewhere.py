"""Las declaraciones del proyecto (`declared`), o las de un archivo o una carpeta que no lo es (`etl run --datasets`)."""

import sys
from functools import cache, partial
from importlib import import_module, util
from pathlib import Path
from typing import TYPE_CHECKING, cast

from etl.database.connection import OWNER, connect
from etl.database.migrate import LOCK
from etl.errors import UsageError, blamed
from etl.schema import Declared
from etl.settings import Settings
from extras.remembered import remembered

if TYPE_CHECKING:  # con SQLAlchemy, que casi nunca hace falta
    from etl.dataset import Dataset


def load(settings: Settings, path: Path | None) -> list[Declared]:
    """Los data sets declarados en `path` o, sin él, los de `declared`; las tablas madre antes que las hijas.

    Los de `path` no pasan por Alembic: sus tablas se crean si faltan.

    Lanza `UsageError` si `path` no existe o no declara nada.
    """
    if path is None:
        return remembered(Path(import_module("declared").__path__[0]), _declared)
    found = remembered(path, partial(_declared, path))
    if _is_missing(settings, [one.table.name for one in found]):
        _create_tables(settings, _datasets(path))
    return found


def _declared(path: Path | None = None) -> list[Declared]:
    from etl import declarations

    return declarations.load() if path is None else declarations.in_order(_datasets(path))


def _datasets(path: Path) -> "list[type[Dataset]]":
    from etl.declarations import declared_in

    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    datasets = [dataset for file in files for dataset in declared_in(_import(file))]
    if not datasets:
        raise UsageError(
            f"«{path}» no declara ningún data set.", "Declare una clase que herede de etl.dataset.Dataset."
        )
    return datasets


@cache
def _import(file: Path) -> str:
    name = f"etl_declared_{file.stem}"
    spec = util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.exists():
        raise UsageError(f"No se puede leer «{file}».", "Indique un archivo .py o una carpeta con ellos.")
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    with blamed("La declaración", file.parent, file):
        spec.loader.exec_module(module)
    return name


def _is_missing(settings: Settings, names: list[str]) -> bool:
    query = "SELECT bool_or(to_regclass(name) IS NULL) FROM unnest(%s::text[]) AS name"
    with connect(settings) as connection:
        row = connection.execute(query, (names,)).fetchone()
    return bool(row and row[0])


def _create_tables(settings: Settings, datasets: "list[type[Dataset]]") -> None:
    import sqlalchemy as sa

    tables = [cast(sa.Table, dataset.__table__) for dataset in datasets]
    # Con los porcentajes doblados: los lee psycopg, que también los usa.
    after = (settings.sql_dir / "migrations" / "after.sql").read_text(encoding="utf-8").replace("%", "%%")
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: connect(settings, role=OWNER))
    with engine.begin() as bind:
        bind.exec_driver_sql(LOCK)
        tables[0].metadata.create_all(bind, tables)
        bind.exec_driver_sql(after)  # lo que lleva cualquier tabla, como tras una migración
    engine.dispose()
