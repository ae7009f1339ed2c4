"""El cableado: qué archivos hay, a qué tabla va cada uno y en qué orden.

    discover -> por cada archivo, una transacción (`one_file.py`) -> marts

Entran la configuración y las declaraciones; sale un `RunResult`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import cast
from uuid import uuid4

import sqlalchemy as sa

from etl import local
from etl.database.connection import LOADER, Connection, connect
from etl.dataset import Dataset, target_of
from etl.extract.discover import discover
from etl.extract.source import Source
from etl.job import Job, LoadRows, Progress, Session
from etl.load.marts import refresh_marts
from etl.load.versions import incomplete_tables
from etl.one_file import load_declared, load_file
from etl.result import FileResult, RunResult
from etl.settings import Settings
from extras.undeclared import staging
from extras.undeclared.parts import parts

# Un archivo y su declaración, si alguien lo declara.
Pair = tuple[Source, type[Dataset] | None]


def run(
    settings: Settings,
    paths: list[Path],
    datasets: Sequence[type[Dataset]],
    progress: Progress,
    engine: str = "pandas",
    as_text: bool = False,
    announce: Callable[[str], None] = lambda _text: None,
) -> RunResult:
    """Carga los archivos pedidos (o los de `datos/`), las tablas madre antes que las hijas.

    Los que nadie declara van a `staging`; con `as_text` van todos, y con todas las columnas en texto.
    Un archivo que falla no impide cargar los demás. Repetir la ejecución no cambia nada. `announce`
    recibe con qué clúster se trabaja, si se pidió uno.
    Lanza `DatabaseUnavailable` si no se llega a la base de datos.
    """
    result = RunResult(uuid4(), engine)
    with _engine(engine, settings, result, announce) as load_rows:
        connection = connect(settings, role=LOADER)
        session = Session(settings, result.run_id, engine, progress, connection, load_rows)
        pairs = in_load_order(discover(paths, settings.datos_dir), [] if as_text else datasets)
        _load_all(session, pairs, result, as_text)
    return result


@contextmanager
def _engine(
    name: str, settings: Settings, result: RunResult, announce: Callable[[str], None]
) -> Iterator[LoadRows]:
    if name == "pandas":
        yield local.load_rows
        return
    from extras.spark import open_cluster  # solo quien lo pide necesita PySpark y Java

    with open_cluster(settings, result.run_id) as cluster:
        result.cluster = cluster.resources
        announce(str(cluster.resources))
        yield cluster.load_rows


def _load_all(session: Session, pairs: list[Pair], result: RunResult, as_text: bool) -> None:
    try:
        files = [(part, dataset) for source, dataset in pairs for part in _parts(source, dataset)]
        result.files = [_load_one(session, source, dataset, as_text) for source, dataset in files]
        _load_incomplete(session, files, result)
        result.marts = refresh_marts(session.connection, session.settings.sql_dir / "marts")
    finally:
        session.connection.close()


def _parts(source: Source, dataset: type[Dataset] | None) -> list[Source]:
    return [source] if dataset else parts(source)


def _load_one(session: Session, source: Source, dataset: type[Dataset] | None, as_text: bool) -> FileResult:
    if dataset is None:
        from extras.undeclared.one_table import load_undeclared  # la detección tarda en importarse

        return load_undeclared(session, source, as_text)
    work = partial(_load_declared, load_rows=session.load_rows)
    return load_file(session, source, target_of(dataset), dataset.dialect, work)


def _load_declared(
    connection: Connection, progress: Progress, job: Job, result: FileResult, *, load_rows: LoadRows
) -> None:
    """La transacción de un archivo declarado; si antes no lo estaba, su tabla de `staging` sobra."""
    load_declared(connection, progress, job, result, load_rows)
    result.warnings += [
        f"se declaró el archivo, pero {table} sigue: otro objeto depende de ella. Bórrelos cuando pueda"
        for table in staging.forget(connection, job.source.name)
    ]


def _load_incomplete(session: Session, files: list[Pair], result: RunResult) -> None:
    """Repite los que otro archivo, cargado después, dejó sin filas: una versión nueva que no las trae."""
    tables = incomplete_tables(session.connection)
    for position, (source, dataset) in enumerate(files):
        before = result.files[position]
        if dataset and before.table in tables and before.status in ("loaded", "skipped"):
            after = _load_one(session, source, dataset, as_text=False)
            result.files[position] = before if after.status == "skipped" else after


def in_load_order(sources: list[Source], datasets: Sequence[type[Dataset]]) -> list[Pair]:
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
