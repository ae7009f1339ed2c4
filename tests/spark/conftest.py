"""Pruebas del motor de Spark. Todas necesitan el Java de la máquina y PySpark."""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compose.stack import free_ports
from etl.errors import ClusterUnavailable
from extras.spark.java import java_home
from extras.spark.session import SECRET_VARIABLE
from own_sample import write_sample
from spark.standalone import WORKERS, Standalone, standalone

# Lo que prueban es Spark: con PostgreSQL 16 las pasa la línea del curso (`make test-spark`, en .ci/run).
ONE_SERVER = ("test_cluster.py", "test_faults.py", "test_parity.py", "test_read.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    repeated = []
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.spark)
            if item.path.name in ONE_SERVER and not config.getoption("--pg") and "pg16" in item.name:
                repeated.append(item)
    config.hook.pytest_deselected(items=repeated)
    items[:] = [item for item in items if item not in repeated]


@pytest.fixture(scope="session", autouse=True)
def java() -> None:
    """Que lo haya, y lo que hereda de este proceso, antes de que arranque por primera vez."""
    try:
        java_home()
    except ClusterUnavailable as error:
        pytest.skip(f"falta Java: {error}")
    os.environ.setdefault(SECRET_VARIABLE, uuid.uuid4().hex)
    # Procesos que duran segundos: optimizar su código costaba un tercio del tiempo de las pruebas.
    os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.fixture(scope="session")
def running_cluster(tmp_path_factory: pytest.TempPathFactory, java: None) -> Iterator[Standalone]:
    try:
        socket.create_server((WORKERS[0], 0)).close()
    except OSError:
        pytest.skip(f"falta la dirección {WORKERS[0]}: solo Linux la tiene sin configurar nada")
    with standalone(tmp_path_factory.mktemp("trabajadores"), *free_ports(2)) as cluster:
        yield cluster


@pytest.fixture
def cluster(running_cluster: Standalone) -> Standalone:
    """Un maestro y dos trabajadores en marcha, sin ningún programa."""
    leave_the_secret_of_local_sessions()
    running_cluster.start_workers()
    running_cluster.wait_until_idle()
    return running_cluster


def leave_the_secret_of_local_sessions() -> None:
    """Acaba con la Java de este proceso si ya tuvo una sesión local.

    Una sesión local inventa su secreto, y la Java que lo guarda lo prefiere siempre al del clúster.
    """
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    if gateway is None:
        return
    user = gateway.jvm.org.apache.hadoop.security.UserGroupInformation.getCurrentUser()
    if user.getCredentials().numberOfSecretKeys():
        gateway.shutdown()
        gateway.proc.stdin.close()  # sin entrada, Java acaba
        gateway.proc.wait()
        SparkContext._gateway = SparkContext._jvm = None


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """La carpeta de ejemplo: con sus errores, y cada archivo en varios trozos si son de 4 kB."""
    folder = tmp_path_factory.mktemp("ejemplo")
    write_sample(folder)
    return folder


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parte los archivos cada 4 kB, hasta en doce partes: uno pequeño pasa por varias tandas de tareas.

    Solo cambia este proceso, el conductor, que es quien decide los cortes.
    """
    monkeypatch.setattr("extras.spark.plan.PART", 4096)
    monkeypatch.setattr("extras.spark.plan.MOST_PARTS", 12)


@pytest.fixture
def spark_properties(cluster: Standalone) -> Iterator[Callable[[str, str], None]]:
    """Ajustes de Spark para las sesiones de una prueba, por encima de los de `spark/conf`."""
    from pyspark import SparkContext

    names: list[str] = []

    def put(name: str, value: str) -> None:
        SparkContext.setSystemProperty(name, value)
        names.append(name)

    yield put
    for name in names:
        SparkContext._jvm.java.lang.System.clearProperty(name)
