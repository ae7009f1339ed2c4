"""El motor de Spark: qué gana con otro núcleo, frente al JDBC del propio Spark, y con diez millones de filas.

Los segundos son los de la carga, sin lo que tarda Java en arrancar: eso no crece con los datos.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import psutil
from tests.benchmarks import data
from tests.compose.stack import free_ports
from tests.spark.standalone import Standalone, standalone

from etl.database.connection import connect
from etl.settings import Settings
from extras.spark.session import SECRET_VARIABLE, open_session
from own_sample import write_sample

if TYPE_CHECKING:
    from tests.benchmarks.cases import Bench

MILLIONS = 10
DEBIAN_DRIVER = Path("/usr/share/java/postgresql.jar")
NO_DRIVER = "sin medir: falta el controlador JDBC (Debian: apt install libpostgresql-jdbc-java)"


def spark(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    """Un archivo limpio con uno y dos núcleos, y contra JDBC; y uno grande en un clúster."""
    yield from _cores(bench)
    yield from _against_jdbc(bench)
    yield from _ten_millions(bench)


def _cores(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    # Con un archivo pequeño se mediría lo que tarda en arrancar cada Python, no el reparto.
    file = data.lineitem(bench.folder, 1)
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        yield "Spark, un núcleo / dos", "sin medir: falta poder elegir núcleos (Linux, con dos)", "≥ 1,70"
        return
    pairs = []
    for _ in range(bench.times):
        with _machine_of(bench, 1):
            one = _load(bench, file, "local[1,4]")
        with _machine_of(bench, 2):
            pairs.append((one, _load(bench, file, "local[2,4]")))
    yield ("Spark y PostgreSQL en una máquina de un núcleo / de dos", _ratio(pairs), "≥ 1,70")


@contextmanager
def _machine_of(bench: "Bench", cores: int) -> Iterator[None]:
    """Todo lo que carga, también el servidor de PostgreSQL, en unos pocos núcleos de esta máquina."""
    with connect(bench.settings) as connection:
        row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    assert row is not None
    server = psutil.Process(int(row[0].split()[0]))
    family = [psutil.Process(), server, *server.children()]
    every = psutil.Process().cpu_affinity()
    try:
        _confine(family, every[:cores])
        yield
    finally:
        _confine(family, every)


def _confine(family: list[psutil.Process], cores: list[int]) -> None:
    for process in family:
        with suppress(psutil.NoSuchProcess):  # los de mantenimiento van y vienen
            process.cpu_affinity(cores)


def _against_jdbc(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    """Los dos leen el mismo CSV con dos núcleos y acaban en la misma tabla, con su clave."""
    file = data.lineitem(bench.folder, 0.2)
    driver = _jdbc_driver(bench.folder)
    for name, options in (("", ""), (" con `reWriteBatchedInserts`", "?reWriteBatchedInserts=true")):
        goal = "" if options else "≤ 0,60"
        if driver is None:
            yield f"Spark / `write.jdbc` de Spark{name}", NO_DRIVER, goal
            continue
        pairs = [
            (_load(bench, file, "local[2,4]"), _write_with_jdbc(bench, file, driver, options))
            for _ in range(bench.times)
        ]
        yield f"Spark / `write.jdbc` de Spark{name}", _ratio(pairs), goal


def _ratio(pairs: list[tuple[float, float]]) -> str:
    first, second = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    return f"{ratio:.2f} ({first:.1f} s / {second:.1f} s)"


def _load(bench: "Bench", file: Path, master: str) -> float:
    """Los segundos que tardó en cargarse el archivo."""
    bench.empty()
    from tests.benchmarks.cases import DECLARATION

    told = _etl(bench, "--datasets", str(DECLARATION), str(file), SPARK_MASTER_URL=master)
    return float(told["files"][0]["seconds"])


def _etl(bench: "Bench", *arguments: str, **changes: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "wiring", "run", "--engine", "spark", "--json", *arguments]
    done = subprocess.run(command, env=_environment(bench, **changes), stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _environment(bench: "Bench", **changes: str) -> dict[str, str]:
    return os.environ | bench.environment | changes


def _write_with_jdbc(bench: "Bench", file: Path, driver: Path, options: str) -> float:
    bench.empty()
    settings = bench.settings
    url = f"jdbc:postgresql://{settings.db_host}:{settings.db_port}/{settings.db_name}{options}"
    program = "import sys; from tests.benchmarks.spark import write_with_jdbc; write_with_jdbc(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, str(file), url, settings.db_user, settings.db_password],
        env=_environment(bench, PYSPARK_SUBMIT_ARGS=f"--driver-class-path {driver} pyspark-shell"),
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout)


def write_with_jdbc(file: str, url: str, user: str, password: str) -> None:
    """En otro proceso: lee el CSV y lo escribe con lo que Spark trae para ello; enseña los segundos."""
    settings = Settings(spark_master="local[2,4]")
    login = {"user": user, "password": password, "driver": "org.postgresql.Driver"}
    with open_session(settings, "write.jdbc") as session:
        started = time.perf_counter()
        types = session.read.jdbc(url, "datos.lineitem", properties=login).drop("_load_id", "_line").schema
        rows = session.read.csv(file, schema=types, header=True, mode="FAILFAST")
        rows.write.jdbc(url, "datos.lineitem", mode="append", properties=login)
        print(time.perf_counter() - started)


def _jdbc_driver(folder: Path) -> Path | None:
    """El controlador de Debian: el de la máquina o, sin instalar nada, sacado de su paquete."""
    extracted = folder / "jdbc" / DEBIAN_DRIVER.relative_to("/")
    if not DEBIAN_DRIVER.exists() and not extracted.exists() and shutil.which("apt-get"):
        (folder / "jdbc").mkdir(exist_ok=True)
        with suppress(subprocess.CalledProcessError):
            where: dict[str, Any] = {"cwd": folder / "jdbc", "stdout": subprocess.DEVNULL}
            subprocess.run(["apt-get", "download", "-qq", "libpostgresql-jdbc-java"], check=True, **where)
            package = next((folder / "jdbc").glob("*.deb"))
            subprocess.run(["dpkg-deb", "--extract", package, "."], check=True, **where)
    return next((path for path in (DEBIAN_DRIVER, extracted) if path.exists()), None)


def _ten_millions(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    folder = _sample(bench.folder)
    os.environ.setdefault(SECRET_VARIABLE, uuid.uuid4().hex)
    bench.empty()
    with connect(bench.settings) as connection:
        connection.execute("TRUNCATE datos.ventas, datos.clientes, datos.productos, datos.tiendas")
    work = bench.folder / "trabajadores"
    with standalone(work, *free_ports(2), cores=1) as cluster, _peak(cluster) as peaks:
        told = _etl(
            bench, str(folder), SPARK_MASTER_URL=cluster.url, PYSPARK_SUBMIT_ARGS="--executor-memory 1g pyspark-shell"
        )
    sales = told["files"][-1]
    assert (sales["dataset"], sales["status"]) == ("ventas", "loaded"), sales
    what = f"{sales['rows_read'] / 1e6:.1f} M de ventas en un archivo, dos ejecutores de 1 GB"
    yield what, f"{sales['seconds']:.0f} s, {sales['rows_loaded']} cargadas", "se carga"
    yield "memoria máxima de un ejecutor, con sus procesos de Python", f"{max(peaks):.0f} MB", ""
    shutil.rmtree(work)


def _sample(folder: Path) -> Path:
    """Diez millones de ventas en un archivo, con sus tablas madre; se hace una vez."""
    sample = folder / f"ventas_{MILLIONS}M"
    if not sample.exists():
        making = folder / "ventas_a_medias"
        write_sample(making, MILLIONS * 1_000_000, months=1)
        making.rename(sample)
    return sample


@contextmanager
def _peak(cluster: Standalone) -> Iterator[list[float]]:
    """Mientras dure, lo más que ocupan los procesos de cada trabajador sin contarlo a él, en MB."""
    peaks, stop = [0.0] * len(cluster.workers), Event()

    def watch() -> None:
        while not stop.wait(0.2):
            for number, worker in enumerate(cluster.workers.values()):
                with suppress(psutil.NoSuchProcess):
                    family = psutil.Process(worker.pid).children(recursive=True)
                    peaks[number] = max(peaks[number], sum(one.memory_info().rss for one in family) / 1e6)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()
