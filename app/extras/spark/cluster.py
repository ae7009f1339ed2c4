"""Un archivo, repartido: planea, manda las partes al clúster y mezcla lo que vuelve.

Lo usa `one_file.py` como motor, dentro de la transacción del archivo. Las partes van por tandas:
mientras el clúster valida una, aquí se mezcla la anterior.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

from etl.database.connection import Connection
from etl.errors import FileFailed
from etl.extract.delimited import DelimitedFile
from etl.extract.encoding import Utf8Stream
from etl.extract.source import Opened
from etl.job import Job, Progress, open_for_table
from etl.load.ledger import Counts
from etl.result import FileResult, Resources
from etl.settings import Settings
from extras.spark.merge import Merger, StagingArea
from extras.spark.plan import Part, plan
from extras.spark.session import open_session, resources
from extras.spark.stage import Staged, Work, stage_part

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Partes por núcleo en cada tanda: pocas, para empezar pronto a mezclar; no una, porque no todas
# tardan lo mismo.
PARTS_PER_CORE = 2
# Tandas a la vez: cuando a una le quedan menos partes que núcleos, la siguiente usa los demás.
WAVES = 2


@contextmanager
def open_cluster(settings: Settings, run_id: UUID) -> Iterator["Cluster"]:
    """El clúster pedido, con al menos un ejecutor. Lanza `ClusterUnavailable` si no lo hay."""
    with open_session(settings, f"etl run {run_id}") as spark:
        found = resources(spark)
        staging = StagingArea(settings, run_id)
        try:
            yield Cluster(settings, spark, staging, found)
        finally:
            staging.close()


class Cluster:
    """El motor de Spark: carga las filas de un archivo con los ejecutores de una sesión."""

    def __init__(
        self, settings: Settings, spark: "SparkSession", staging: StagingArea, found: Resources
    ) -> None:
        self._settings = settings
        self._context = spark.sparkContext
        self._staging = staging
        self.resources = found

    def load_rows(
        self, connection: Connection, progress: Progress, job: Job, file: Opened, result: FileResult
    ) -> tuple[Counts, str]:
        """Lo mismo que `engines.local.load_rows`, en el clúster; devuelve las cuentas y la huella."""
        assert job.load_id is not None
        # Mientras el clúster trabaja esta transacción espera, y eso no es un abandono.
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        stage = self._staging.create(job.target, job.load_id)
        merger, sha256 = Merger(connection, job.target), None
        with open_for_table(connection, job, file, result) as (document, columns):
            layout = _closed(document) if isinstance(document, DelimitedFile) else None
            work = Work(self._settings, job.target, job.dialect, columns, job.load_id, stage, layout)
            parts = plan(job.source, file, document, result.encoding, self.resources.cores)
            with closing(self._run(work, parts)) as done:
                for part, staged in done:
                    if staged.error is not None:
                        raise staged.error
                    merger.merge(staged)
                    sha256 = staged.sha256
                    progress(job.source, part.end or file.size, merger.counts)
        file.check_unchanged()
        return merger.counts, sha256 or file.finish()

    def _run(self, work: Work, parts: Iterator[Part]) -> Generator[tuple[Part, Staged]]:
        """Cada parte y lo que dejó, en orden; las tandas siguientes avanzan mientras tanto.

        El archivo se acaba de cortar aquí mismo, con las primeras tandas ya en marcha.
        """
        size = self.resources.cores * PARTS_PER_CORE
        waves = iter(lambda: list(islice(parts, size)), [])
        threads = ThreadPoolExecutor(WAVES)
        try:
            for done in threads.map(partial(self._run_wave, work), waves):
                yield from done
        finally:
            # Si una parte falló, las demás sobran: ni empezar las que esperan ni acabar las que corren.
            threads.shutdown(wait=False, cancel_futures=True)
            self._context.cancelAllJobs()
            threads.shutdown()

    def _run_wave(self, work: Work, parts: list[Part]) -> list[tuple[Part, Staged]]:
        from py4j.protocol import Py4JError

        task = partial(stage_part, work)
        try:
            staged = self._context.parallelize(parts, len(parts)).map(task).collect()
        except Py4JError as error:
            raise FileFailed(
                f"Spark no pudo con una parte del archivo: {_cause(error)}",
                "Mire el registro del ejecutor en la página del maestro y repita la carga.",
            ) from error
        return list(zip(parts, staged, strict=True))


def _closed(document: DelimitedFile) -> DelimitedFile:
    """El mismo documento sin el archivo abierto, para enviarlo a los ejecutores."""
    return replace(document, stream=Utf8Stream(_Nothing(), document.dialect.encoding), pending=b"")


class _Nothing:
    def read(self, _size: int, /) -> bytes:
        return b""


def _cause(error: Exception) -> str:
    """La última línea que dice algo de un fallo de Spark, que llega con cien líneas de Java."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if "Error" in line or "Exception" in line]
    return (told or lines)[-1]
