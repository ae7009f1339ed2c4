"""El motor de Spark: reparte las filas de los archivos entre los ejecutores y mezcla lo que vuelve.

Lo usa `one_file.py`, dentro de la transacción de cada archivo. Mientras uno se mezcla, `ahead.py` ya tiene al clúster con
los siguientes: los que no dependen de ninguno por cargar, porque las huérfanas se buscan al validar.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from etl.database.connection import Connection
from etl.declarations import PACKAGE
from etl.errors import FileFailed
from etl.extract.delimited import DelimitedFile
from etl.extract.jsonl import JsonLinesFile
from etl.extract.read import Reading, Text, read
from etl.extract.source import Opened, Source, opened
from etl.load.ledger import Counts, Load
from etl.load.versions import find_known, is_complete
from etl.local import Advance, LoadRows
from etl.parts import Pairs
from etl.run import Session
from etl.schema import Declared
from extras.spark.ahead import Item, Job, Series
from extras.spark.cut import Layout, cut_part, measure
from extras.spark.merge import Merger, StagingArea
from extras.spark.plan import Cut, Part, plan, settle
from extras.spark.session import open_session, resources
from extras.spark.stage import Staged, Work, stage_part

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Tareas de una tanda, aunque haya más núcleos: cada una es una conexión, y PostgreSQL admite cien.
MOST_TASKS = 16
# Cuántas partes se miden de una vez.
MEASURED = 64


@contextmanager
def open_cluster(session: Session, files: Pairs, reading: Reading) -> Iterator[LoadRows]:
    """El clúster pedido, con al menos un ejecutor. Lanza `ClusterUnavailable` si no lo hay."""
    with open_session(session.settings, f"etl run {session.run_id}") as spark:
        found = resources(spark)
        session.announce(str(found))
        session.facts["spark"] = asdict(found)
        here = [source.name for source, declared in files if declared is None]
        if here:
            names = ", ".join(here[:3]) + (f" y {len(here) - 3} más" if len(here) > 3 else "")
            session.announce(f"Sin declarar, en este proceso y no en el clúster: {names}")
        staging = StagingArea(session.settings, session.run_id)
        cluster = Cluster(session, spark, staging, found.cores, reading, files)
        try:
            yield cluster.load_rows
        finally:
            cluster.stop()
            staging.close()


class Cluster:
    """El motor de Spark: carga las filas de un archivo con los ejecutores de una sesión."""

    def __init__(
        self, session: Session, spark: "SparkSession", staging: StagingArea, cores: int, reading: Reading, files: Pairs
    ) -> None:
        self._session = session
        self._context = spark.sparkContext
        self._staging = staging
        self._cores = cores
        self._reading = reading
        self._declared = dict(files)
        self._series: Series | None = None
        self._created: deque[str] = deque()  # las tablas de paso, en el orden de los archivos
        self._hashing = ThreadPoolExecutor(1, "etl-hash")

    def load_rows(
        self, connection: Connection, load: Load, declared: Declared, text: Text, advance: Advance
    ) -> tuple[Counts, str | None]:
        """Lo mismo que en un proceso, en el clúster; y la huella, que calcula quien lee el archivo entero."""
        # Mientras el clúster trabaja esta transacción espera, y eso no es un abandono.
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        self._declared[load.source] = declared
        series, job = self._job(load.source, _identity(text.file))
        merger, sha256 = Merger(connection, declared, load.load_id), None
        hashed = self._hashing.submit(text.file.finish) if job.split else None
        try:
            for part, staged in series.results(job):
                if staged.error is not None:
                    raise staged.error
                merger.merge(staged)
                sha256 = staged.sha256
                advance(part.done, merger.counts)
        except BaseException:
            self.stop()  # las demás partes sobran
            raise
        text.file.check_unchanged()
        return merger.finish(), hashed.result() if hashed else sha256

    def stop(self) -> None:
        """Deja lo que esté adelantado."""
        if self._series:
            series, self._series = self._series, None
            series.stop(self._context.cancelAllJobs)

    def _job(self, source: Source, seen: tuple[int, ...]) -> tuple[Series, Job]:
        """El trabajo de un archivo: el que se adelantó o, si no vale o no lo hay, uno nuevo."""
        if not self._staging.survived():
            self.stop()
        job = self._series.take(source) if self._series else None
        if self._series is None or job is None or job.seen != seen:  # si cambió, lo adelantado es de otro contenido
            self.stop()
            self._series = Series(self._following(source), self._cores, self._prepare, self._run)
            job = self._series.take(source)
        assert job is not None
        # Las tablas de los archivos anteriores sobran, se usaran o no.
        while job.work and self._created and self._created[0] != job.work.stage:
            self._staging.drop(self._created.popleft())
        return self._series, job

    def _following(self, source: Source) -> list[Source]:
        """El archivo y los que se pueden adelantar con él: hasta el primero que depende de alguno."""
        files = list(self._declared)
        found: list[Source] = []
        busy: set[str] = set()
        for one in files[files.index(source) :]:
            declared = self._declared[one]
            if declared is None:
                break
            if found and any(f"{key.parent_schema}.{key.parent_table}" in busy for key in declared.table.foreign_keys):
                break
            found.append(one)
            busy.add(declared.table.name)
        return found

    def _prepare(self, job: Job) -> Iterable[Part]:
        """Abre un archivo, lo corta y crea su tabla de paso; el que ya está cargado no se adelanta."""
        declared = self._declared[job.source]
        assert declared is not None
        with opened(job.source) as file:
            job.seen = _identity(file)
            load = Load(self._session.run_id, self._session.engine, job.source, declared.table, bytes=file.size)
            if not (job.wanted or self._session.again):
                known = find_known(self._staging.connection, load)
                job.skip = known is not None and is_complete(self._staging.connection, load, known)
            if job.skip:
                return []
            with read(job.source, file, declared, self._reading) as text:
                parts = plan(job.source, text, self._cores)
                layout = _layout(text, declared) if len(parts) > 1 else None
                columns = text.columns
        _carry(declared)
        stage = self._staging.create(declared.table)
        self._created.append(stage)
        settings = self._session.settings
        job.work, job.split = Work(settings, declared, self._reading, columns, stage, layout), len(parts) > 1
        if layout is None:
            return parts
        return settle(parts, self._cuts(layout, parts), partial(measure, layout, job.source))

    def _cuts(self, layout: Layout, parts: list[Part]) -> Iterator[Cut]:
        waiting = iter(parts)
        while some := list(islice(waiting, MEASURED)):
            yield from self._collect(partial(cut_part, layout), some, len(some))

    def _run(self, wave: list[Item]) -> None:
        """Una tanda de partes, en el clúster: lo que dejó cada una queda en su `Future`."""
        tasks = [(work, part) for work, part, _ in wave]
        # Las tareas van en la función y no en los datos: solo así viaja entera la transformación de un archivo de fuera.
        run = partial(_run_one, stage_part, tasks)
        done = self._collect(run, range(len(tasks)), min(len(tasks), MOST_TASKS))
        for (*_, staged), one in zip(wave, done, strict=True):
            staged.set_result(one)

    def _collect(self, function: Callable[[Any], Any], items: Sequence[Any], tasks: int) -> list[Any]:
        """Lo que da una función con cada cosa, en los ejecutores. Lanza `FileFailed` si Spark no puede."""
        from py4j.protocol import Py4JError

        try:
            return self._context.parallelize(items, tasks).map(function).collect()
        except Py4JError as error:
            raise FileFailed(
                f"Spark no pudo con una parte del archivo: {_cause(error)}",
                "Mire el registro del ejecutor en la página del maestro y repita la carga.",
            ) from error


def _run_one(stage: Any, tasks: list[tuple[Work, Part]], number: int) -> Staged:
    found: Staged = stage(*tasks[number])
    return found


def _identity(file: Opened) -> tuple[int, ...]:
    return file.before.st_ino, file.before.st_size, file.before.st_mtime_ns, file.before.st_ctime_ns


def _layout(text: Text, declared: Declared) -> Layout | None:
    """Cómo es un archivo de texto partido; un Parquet lo dice él mismo en cada ejecutor."""
    if isinstance(text.document, DelimitedFile | JsonLinesFile):
        return Layout(text.document, text.encoding or "utf-8", declared.dialect)
    return None


def _carry(declared: Declared) -> None:
    """Si la transformación es de un archivo de fuera (`--datasets`), viaja entera: los ejecutores no lo tienen."""
    from pyspark import cloudpickle

    module = getattr(declared.function, "__module__", PACKAGE)
    if module.partition(".")[0] != PACKAGE:
        cloudpickle.register_pickle_by_value(sys.modules[module])  # type: ignore[no-untyped-call]


def _cause(error: Exception) -> str:
    """La última línea que dice algo de un fallo de Spark, que llega con cien líneas de Java."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if "Error" in line or "Exception" in line]
    return (told or lines)[-1]
