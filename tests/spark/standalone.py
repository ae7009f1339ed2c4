"""Un clúster de Spark de verdad en esta máquina: un maestro y dos trabajadores, cada uno un proceso.

Salen del mismo paquete `pyspark` que usa el motor, con la configuración de `spark/conf`. Solo
escuchan en direcciones de esta máquina; cada trabajador en una distinta, porque Spark no repite una
tarea lenta donde ya se está haciendo.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from etl.settings import Settings
from extras.spark.session import prepare_environment

MASTER = "127.0.0.1"
WORKERS = ("127.0.0.2", "127.0.0.3")
# Con dos núcleos cada uno caben dos programas a la vez. Python trabaja fuera de esta memoria.
CORES, MEMORY = 2, "2g"
# Arrancar tarda unos segundos; con la máquina ocupada, mucho más.
STARTING_SECONDS = 120


@dataclass
class Standalone:
    """El clúster en marcha. `workers`: el proceso de cada trabajador, por su dirección."""

    port: int
    page: int
    folder: Path
    cores: int
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"spark://{MASTER}:{self.port}"

    def state(self) -> dict[str, Any]:
        """Lo que dice el maestro de sus trabajadores y sus programas."""
        with urlopen(f"http://{MASTER}:{self.page}/json/", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def alive(self) -> list[dict[str, Any]]:
        return [worker for worker in self.state()["workers"] if worker["state"] == "ALIVE"]

    def start_workers(self) -> None:
        """Arranca los que falten, o hayan muerto, y espera a que el maestro los conozca."""
        for host in WORKERS:
            if host not in self.workers or self.workers[host].poll() is not None:
                where = ["--host", host, "--webui-port", "0", "--work-dir", str(self.folder)]
                size = ["--cores", str(self.cores), "--memory", MEMORY]
                self.workers[host] = spark_class("deploy.worker.Worker", *where, *size, self.url)
        wait(lambda: len(self.alive()) == len(WORKERS), "que haya dos trabajadores")

    def wait_until_idle(self) -> None:
        wait(lambda: not self.state()["activeapps"], "que acaben los programas")


@contextmanager
def standalone(folder: Path, port: int, page: int, cores: int = CORES) -> Iterator[Standalone]:
    """El maestro en `port`, su página en `page`, y los trabajadores en marcha; al salir, se paran."""
    prepare_environment(Settings())
    master = spark_class("deploy.master.Master", "--host", MASTER, "--port", str(port), "--webui-port", str(page))
    cluster = Standalone(port, page, folder, cores)
    try:
        wait(cluster.state, "que conteste el maestro")
        cluster.start_workers()
        yield cluster
    finally:
        for process in (*cluster.workers.values(), master):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def spark_class(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Un servicio de Spark, en un grupo de procesos propio para poder matarlo con lo que lance."""
    import pyspark

    home = Path(pyspark.__file__).parent
    return subprocess.Popen(
        [home / "bin" / "spark-class", f"org.apache.spark.{name}", *arguments],
        env=os.environ | {"SPARK_HOME": str(home), "SPARK_DAEMON_MEMORY": "256m"},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )


def wait(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError):  # su página todavía no escucha, o no tiene qué contar
            if condition():
                return
        time.sleep(0.1)
    raise AssertionError(f"en {STARTING_SECONDS} s no se llegó a {what}")
