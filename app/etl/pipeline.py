"""El cableado: qué archivos hay, a qué tabla va cada uno y en qué orden.

    discover -> por cada archivo, una transacción (`one_file.py`) -> marts

Entran la configuración y las declaraciones; sale un `RunResult`.
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import cast
from uuid import uuid4

import sqlalchemy as sa

from etl.database import LOADER, connect
from etl.dataset import Dataset, target_of
from etl.extract.parts import parts
from etl.extract.source import Source, discover
from etl.marts import refresh_marts
from etl.one_file import Progress, Session, load_file
from etl.result import RunResult
from etl.settings import Settings
from etl.undeclared import load_undeclared


def run(
    settings: Settings,
    paths: list[Path],
    datasets: Sequence[type[Dataset]],
    progress: Progress,
    engine: str = "pandas",
    as_text: bool = False,
) -> RunResult:
    """Carga los archivos pedidos (o los de `datos/`), las tablas madre antes que las hijas.

    Los que nadie declara van a `staging`; con `as_text` van todos, y con todas las columnas en texto.
    Un archivo que falla no impide cargar los demás. Repetir la ejecución no cambia nada.
    Lanza `DatabaseUnavailable` si no se llega a la base de datos.
    """
    result = RunResult(uuid4(), engine)
    session = Session(settings, result.run_id, engine, progress, connect(settings, role=LOADER))
    try:
        for source, dataset in in_load_order(
            discover(paths, settings.datos_dir), [] if as_text else datasets
        ):
            if dataset is None:
                result.files += [load_undeclared(session, part, as_text) for part in parts(source)]
            else:
                result.files.append(load_file(session, source, target_of(dataset), dataset.dialect))
        if any(file.status == "loaded" for file in result.files):
            result.marts = refresh_marts(session.connection, settings.sql_dir / "marts")
    finally:
        session.connection.close()
    return result


def in_load_order(
    sources: list[Source], datasets: Sequence[type[Dataset]]
) -> list[tuple[Source, type[Dataset] | None]]:
    """Cada archivo con su declaración, en el orden que piden las claves foráneas."""
    tables = [table.fullname for table in Dataset.metadata.sorted_tables]
    pairs = [(source, dataset_for(source, datasets)) for source in sources]
    return sorted(
        pairs,
        key=lambda pair: tables.index(cast(sa.Table, pair[1].__table__).fullname) if pair[1] else len(tables),
    )


def dataset_for(source: Source, datasets: Sequence[type[Dataset]]) -> type[Dataset] | None:
    """La declaración cuyo patrón encaja con el nombre; si encajan varias, la de patrón más largo."""
    matches = [dataset for dataset in datasets if fnmatch(source.stem.lower(), dataset.files.lower())]
    return max(matches, key=lambda dataset: len(dataset.files), default=None)
