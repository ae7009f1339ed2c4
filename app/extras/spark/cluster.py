"""Un archivo, repartido: planea, manda las partes al clúster y mezcla lo que vuelve.

Lo usa `one_file.py` como motor, dentro de la transacción del archivo. Las partes van por tandas:
mientras el clúster valida una, aquí se mezcla la anterior.
"""

import sys
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from psycopg import Connection

from etl.declarations import PACKAGE
from etl.errors import FileFailed
from etl.extract.delimited import DelimitedFile
from etl.extract.read import Reading, Text
from etl.extract.source import Utf8Stream
from etl.load.ledger import Counts, Load
from etl.load.table import Advance
from etl.local import LoadRows
from etl.schema import Declared
from etl.session import Session
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
def open_cluster(session: Session, reading: Reading) -> Iterator[LoadRows]:
    """El clúster pedido, con al menos un ejecutor. Lanza `ClusterUnavailable` si no lo hay."""
    with open_session(session.settings, f"etl run {session.run_id}") as spark:
        found = resources(spark)
        session.announce(str(found))
        session.facts["spark"] = asdict(found)
        staging = StagingArea(session.settings, session.run_id)
        try:
            yield Cluster(session.settings, spark, staging, found.cores, reading).load_rows
        finally:
            staging.close()


class Cluster:
    """El motor de Spark: carga las filas de un archivo con los ejecutores de una sesión."""

    def __init__(
        self, settings: Settings, spark: "SparkSession", staging: StagingArea, cores: int, reading: Reading
    ) -> None:
        self._settings = settings
        self._context = spark.sparkContext
        self._staging = staging
        self._cores = cores
        self._reading = reading

    def load_rows(
        self, connection: Connection[Any], load: Load, declared: Declared, text: Text, advance: Advance
    ) -> tuple[Counts, str | None]:
        """Lo mismo que en un proceso, en el clúster; la huella, si un ejecutor leyó el archivo entero."""
        # Mientras el clúster trabaja esta transacción espera, y eso no es un abandono.
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        merger, sha256 = Merger(connection, declared), None
        layout = _closed(text.document) if isinstance(text.document, DelimitedFile) else None
        stage = self._staging.create(load)
        _carry(declared)
        work = Work(self._settings, declared, self._reading, text.columns, load.load_id, stage, layout)
        with closing(self._run(work, plan(load.source, text, self._cores))) as done:
            for part, staged in done:
                if staged.error is not None:
                    raise staged.error
                merger.merge(staged)
                sha256 = staged.sha256
                advance(part.end or text.file.size, merger.counts)
        text.file.check_unchanged()
        return merger.counts, sha256

    def _run(self, work: Work, parts: Iterator[Part]) -> Generator[tuple[Part, Staged]]:
        """Cada parte y lo que dejó, en orden; las tandas siguientes avanzan mientras tanto.

        El archivo se acaba de cortar aquí mismo, con las primeras tandas ya en marcha.
        """
        size = self._cores * PARTS_PER_CORE
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


def _carry(declared: Declared) -> None:
    """Si la transformación es de un archivo de fuera (`--datasets`), viaja entera: los ejecutores no lo tienen."""
    from pyspark import cloudpickle

    module = getattr(declared.function, "__module__", PACKAGE)
    if module.partition(".")[0] != PACKAGE:
        cloudpickle.register_pickle_by_value(sys.modules[module])  # type: ignore[no-untyped-call]


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
