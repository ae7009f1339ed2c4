"""Abre Spark: arranca la sesión y comprueba con qué ejecutores se cuenta.

Entra un `Settings`; sale una `SparkSession`. Sin `SPARK_MASTER_URL` se usa esta máquina; con ella,
ese clúster y ningún otro: si no responde es un error, nunca un «local» a escondidas.
"""

import importlib
import os
import re
import socket
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import ClusterUnavailable
from etl.settings import Settings
from extras.spark.java import java_home

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Todos los núcleos de esta máquina, y hasta cuatro intentos por tarea, como en un clúster.
LOCAL = "local[*,4]"
# Donde Spark busca el secreto del clúster.
SECRET_VARIABLE = "_SPARK_AUTH_SECRET"  # noqa: S105 - es el nombre, no el secreto
# El aviso de PySpark 4.3 de que pandas 3 es demasiado nuevo; en los ejecutores lo calla spark/conf/spark-env.sh.
PANDAS_WARNING = "PySpark does not yet fully support pandas"
# Un maestro que arranca tarda unos segundos en escuchar.
MASTER_SECONDS = 20.0
# Lo que tarda un trabajador en lanzar su ejecutor, con mucho margen.
EXECUTOR_SECONDS = 60.0
# Spark pide paso al maestro tres veces, cada 20 s, y se rinde en otro hilo, que para la sesión por donde esté: lo que
# dice entonces es siempre otra cosa. Un fallo a estas alturas es eso; los demás no tardan tanto.
GIVES_UP_AFTER = 60.0
# Tras cada ejecutor, lo que se espera al siguiente para decir cuántos hay.
SETTLE_SECONDS = 3.0
# El conductor escucha en todas sus redes; solo le hablan los que conocen el secreto.
ANY_ADDRESS = "0.0.0.0"  # noqa: S104


@dataclass(frozen=True)
class Resources:
    """Lo que dio el clúster: la dirección del maestro, los ejecutores y sus núcleos en total."""

    master: str
    executors: int
    cores: int
    hosts: tuple[str, ...]

    def __str__(self) -> str:
        where = f" en {', '.join(self.hosts)}" if self.hosts else ""
        return f"Spark: maestro {self.master} · ejecutores: {self.executors}{where} · núcleos: {self.cores}"


@contextmanager
def open_session(settings: Settings, name: str) -> Iterator["SparkSession"]:
    """Una sesión de Spark con la configuración de `spark/conf`; se cierra al salir.

    Lanza `ClusterUnavailable` si falta Java o PySpark, o si el clúster pedido no responde.
    """
    prepare_environment(settings)
    master = settings.spark_master or _submitted_to() or LOCAL
    reach_from = _reach(master)
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ClusterUnavailable(
            "PySpark no está instalado.",
            f"Instálelo en este entorno: {sys.executable} requirements/install.py spark-4.3",
        ) from error
    builder = SparkSession.builder.master(master).appName(name)
    builder = builder.config("spark.eventLog.enabled", str(os.access(settings.spark_events_dir, os.W_OK)).lower())
    builder = builder.config("spark.eventLog.dir", f"file:{settings.spark_events_dir}")
    if os.environ.get(SECRET_VARIABLE):
        # Spark exige que esté en su configuración y luego usa el del entorno, que manda. Así el de
        # verdad no sale en la línea de órdenes de Java, que ve cualquiera con «ps».
        builder = builder.config("spark.authenticate.secret", f"en {SECRET_VARIABLE}")
    if reach_from:
        # Los ejecutores llaman al conductor por su dirección: el nombre de un contenedor de
        # `docker compose run` no lo conoce nadie, y con un guion bajo Spark no lo acepta.
        builder = builder.config("spark.driver.host", reach_from)
        builder = builder.config("spark.driver.bindAddress", ANY_ADDRESS)
    with ExitStack() as closing:
        folder = closing.enter_context(tempfile.TemporaryDirectory())
        with _clear_errors(master):
            session = builder.getOrCreate()
            closing.callback(_stop, session)
            # El código viaja con el trabajo: los ejecutores corren el mismo que el conductor.
            session.sparkContext.addPyFile(str(_zip_package(Path(folder))))
        yield session


def _stop(session: "SparkSession") -> None:
    from py4j.protocol import Py4JError

    with suppress(Py4JError):  # ya se había parado sola: lo que importa es por qué
        session.stop()


def _submitted_to() -> str | None:
    """El maestro que pidió `spark-submit`, si fue él quien lanzó este programa."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return None
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()
    submitted: str | None = SparkConf().get("spark.master")
    return submitted


@contextmanager
def _clear_errors(master: str) -> Iterator[None]:
    """Los de Spark al arrancar, con su causa y su siguiente paso."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    start = time.monotonic()
    try:
        yield
    except (Py4JError, PySparkException, RuntimeError) as error:
        if "JAVA_GATEWAY_EXITED" in str(error):
            raise ClusterUnavailable(
                f"Java se paró al arrancar ({os.environ['JAVA_HOME']}).",
                "La causa está en las líneas de arriba, que son de Java. Suele ser una opción de JAVA_TOOL_OPTIONS, o "
                "la memoria (spark.driver.memory, en spark/conf/spark-defaults.conf).",
            ) from error
        if master.startswith("spark:") and time.monotonic() - start > GIVES_UP_AFTER:
            raise _not_admitted(master) from error
        raise ClusterUnavailable(
            f"Spark no pudo empezar a trabajar en {master}: {_first_line(error)}",
            "Compruebe SPARK_MASTER_URL, que el maestro esté en marcha y que el secreto sea el mismo.",
        ) from error


def _not_admitted(master: str) -> ClusterUnavailable:
    return ClusterUnavailable(
        f"{master} no admitió el trabajo tras varios intentos.",
        "Compruebe que SPARK_AUTH_SECRET es el del clúster y que su Spark es de la misma versión.",
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "Exception" in line]
    return lines[0] if lines else str(error).splitlines()[0]


def _zip_package(folder: Path) -> Path:
    target = folder / "etl.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name in ("etl", "extras", "declared"):
            package = Path(importlib.import_module(name).__path__[0])
            for file in sorted(package.rglob("*.*")):
                if file.suffix in (".py", ".sql", ".toml"):
                    archive.write(file, Path(name) / file.relative_to(package))
    return target


def _reach(master: str) -> str | None:
    """La dirección propia con que se llega al maestro; `None` si no es un clúster de Spark."""
    found = re.fullmatch(r"spark://([^:,]+):(\d+).*", master)
    if found is None:
        return None
    deadline = time.monotonic() + MASTER_SECONDS
    while True:
        try:
            with socket.create_connection((found[1], int(found[2])), timeout=5) as connection:
                return str(connection.getsockname()[0])
        except OSError as error:
            if time.monotonic() > deadline or isinstance(error, socket.gaierror):
                raise ClusterUnavailable(
                    f"No se llega al maestro de Spark en {master}: {error.strerror or error}.",
                    "Arránquelo con «docker compose --profile spark up -d», o quite SPARK_MASTER_URL para "
                    "trabajar solo en esta máquina.",
                ) from error
        time.sleep(0.5)


def prepare_environment(settings: Settings) -> None:
    """Lo que PySpark solo acepta por el entorno, antes de lanzar Java. Lo que ya esté puesto manda, si sirve.

    Lanza `ClusterUnavailable` si no hay ningún Java que valga.
    """
    os.environ["JAVA_HOME"] = java_home()
    warnings.filterwarnings("ignore", PANDAS_WARNING)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    if settings.spark_secret:
        os.environ.setdefault(SECRET_VARIABLE, settings.spark_secret)
    if settings.spark_conf_dir.is_dir():
        os.environ.setdefault("SPARK_CONF_DIR", str(settings.spark_conf_dir))


def resources(session: "SparkSession") -> Resources:
    """Qué dio el clúster. Espera al primer ejecutor; lanza `ClusterUnavailable` si no llega ninguno."""
    context, master = session.sparkContext, str(session.sparkContext.master)
    if master.startswith("local"):
        return Resources(master, 1, context.defaultParallelism, ())
    deadline = time.monotonic() + EXECUTOR_SECONDS
    while not (found := _executors(session)):
        if _has_stopped(session):  # Spark se rinde en otro hilo: puede ser ya aquí
            raise _not_admitted(master)
        if time.monotonic() > deadline:
            raise ClusterUnavailable(
                f"{master} no dio ningún ejecutor en {EXECUTOR_SECONDS:.0f} s.",
                "Levante trabajadores con «docker compose --profile spark up -d». Si los hay, mire en la página "
                "del maestro si queda algún núcleo libre.",
            )
        time.sleep(0.2)
    settled = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < settled:
        time.sleep(0.2)
        now = _executors(session)
        if len(now) > len(found):
            settled = time.monotonic() + SETTLE_SECONDS
        found = now
    hosts = tuple(sorted({host for host, _ in found}))
    return Resources(master, len(found), sum(cores for _, cores in found), hosts)


def _has_stopped(session: "SparkSession") -> bool:
    return bool(session.sparkContext._jsc.sc().isStopped())


def _executors(session: "SparkSession") -> list[tuple[str, int]]:
    """Máquina y núcleos de cada ejecutor vivo. PySpark no lo ofrece: se le pregunta a la JVM."""
    from py4j.protocol import Py4JError

    try:
        listed = session.sparkContext._jsc.sc().statusStore().executorList(True)
        found = [listed.apply(number) for number in range(listed.size())]
        return [
            (one.hostPort().rsplit(":", 1)[0], one.totalCores())
            for one in found
            if one.id() != "driver" and one.totalCores() > 0
        ]
    except Py4JError:  # se paró mientras se le preguntaba
        if _has_stopped(session):
            return []
        raise
