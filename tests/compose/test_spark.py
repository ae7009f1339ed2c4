"""El clúster de Spark en marcha: reparte el trabajo, deja lo mismo que pandas y sobrevive a un trabajador.

Las pruebas comparten un maestro y dos trabajadores, y van en orden: la primera encuentra los datos
que cargó app_etl.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from compose.stack import Stack, docker, wait_until
from compose.test_network import TRY_POSTGRES
from own_sample import Expected, write_sample
from spark.parity import State, assert_equal, clear, staging_tables, state
from support import ServerAddress

pytestmark = pytest.mark.spark

# Bastantes para que la carga dure más que matar a un trabajador, y para varias partes por archivo.
ROWS = 120_000
# Sin el secreto, Spark insiste tres veces, con veinte segundos cada una.
SECONDS_TO_GIVE_UP = 180


@pytest.fixture(scope="module")
def database(cluster: Stack) -> ServerAddress:
    port = int(cluster.environment["POSTGRES_PORT"])
    return ServerAddress("127.0.0.1", port, "alumno", "bigdata2026", "curso_bigdata")


@pytest.fixture(scope="module")
def by_pandas(cluster: Stack, database: ServerAddress) -> State:
    """Lo que dejó app_etl al cargar `datos/`."""
    return state(database)


@pytest.fixture(scope="module")
def intruder(cluster: Stack) -> Iterator[Any]:
    """Alguien con otro secreto que intenta entrar en el clúster mientras corren las demás pruebas."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(
            cluster.compose, "run", "--rm", "-T", "--no-deps", "-e", "SPARK_AUTH_SECRET=otro", "app_spark",
            check=False,
        )  # fmt: skip


def page(stack: Stack, port: str, path: str) -> Any:
    with urlopen(f"http://127.0.0.1:{stack.environment[port]}{path}", timeout=10) as answer:
        return json.load(answer)


def workers(stack: Stack) -> list[dict[str, Any]]:
    """Los trabajadores vivos, según el maestro."""
    known = page(stack, "SPARK_MASTER_UI_PORT", "/json/")["workers"]
    return [worker for worker in known if worker["state"] == "ALIVE"]


def wait_for_both(stack: Stack) -> None:
    """Hasta que el maestro, que quizá aún arranca, cuente los dos trabajadores."""

    def both() -> bool:
        with suppress(OSError, ValueError):
            return len(workers(stack)) == 2
        return False

    wait_until(both, 120, "los dos trabajadores en el clúster", pause=0.5)


def busy_workers(stack: Stack) -> set[str]:
    """Los que tienen ahora un ejecutor, según el maestro."""
    return {worker["host"] for worker in workers(stack) if worker["coresused"] > 0}


def run_watched(stack: Stack, *arguments: str) -> tuple[dict[str, Any], set[str]]:
    """Un trabajo, y qué trabajadores tuvo ocupados a la vez según el maestro."""
    with ThreadPoolExecutor(1) as threads:
        job = threads.submit(stack.spark, "etl", "run", "--engine", "spark", "--json", *arguments)
        used: set[str] = set()
        while not job.done():
            used = max(used, busy_workers(stack), key=len)
            time.sleep(0.2)
        return json.loads(job.result().stdout), used


def statuses(document: dict[str, Any]) -> set[str]:
    return {file["status"] for file in document["files"]}


def test_what_pandas_loaded_spark_knows(
    cluster: Stack, database: ServerAddress, by_pandas: State, intruder: Any
) -> None:
    document = json.loads(cluster.spark("etl", "run", "--engine", "spark", "--json").stdout)
    assert len(document["files"]) == 15
    assert statuses(document) == {"skipped"}
    assert_equal(by_pandas, state(database))


def executors_in_history(cluster: Stack, name: str) -> list[dict[str, Any]] | None:
    """Los ejecutores de un trabajo que acabó; nada mientras el historial lo lee, que contesta 404."""
    with suppress(HTTPError):
        for one in page(cluster, "SPARK_HISTORY_PORT", "/api/v1/applications"):
            if one["name"] == name:
                found: list[dict[str, Any]] = page(
                    cluster, "SPARK_HISTORY_PORT", f"/api/v1/applications/{one['id']}/allexecutors"
                )
                return found
    return None


def test_the_load_uses_both_workers_and_leaves_what_pandas_leaves(
    cluster: Stack, database: ServerAddress, by_pandas: State
) -> None:
    hosts = {worker["host"] for worker in workers(cluster)}
    assert len(hosts) == 2
    clear(database)
    document, used = run_watched(cluster)
    assert statuses(document) == {"loaded"}
    assert used == hosts, "el maestro no vio un ejecutor en cada trabajador"
    assert document["spark"]["master"] == "spark://spark-master:7077"
    assert_equal(by_pandas, state(database))
    assert staging_tables(database) == []

    # Y al revés: lo que cargó Spark, pandas lo conoce.
    assert statuses(json.loads(cluster.run("etl", "run", "--json").stdout)) == {"skipped"}
    assert_equal(by_pandas, state(database))

    # El historial enseña ese trabajo, y que los dos ejecutores hicieron tareas.
    name = f"etl run {document['run_id']}"
    executors = wait_until(lambda: executors_in_history(cluster, name), 60, "que el historial enseñe el trabajo")
    tasks = {one["hostPort"].split(":")[0]: one["completedTasks"] for one in executors if one["id"] != "driver"}
    assert set(tasks) == hosts
    assert min(tasks.values()) > 0


@pytest.mark.faults
def test_a_worker_killed_in_the_middle_of_a_load_changes_nothing(cluster: Stack, database: ServerAddress) -> None:
    clear(database)
    expected = write_sample(cluster.folder / "datos" / "grande", ROWS)
    [victim, _] = cluster.containers("spark-worker")
    with ThreadPoolExecutor(1) as threads:
        job = threads.submit(cluster.spark, "etl", "run", "--engine", "spark", "--json", "/datos/grande", check=False)
        wait_until(lambda: is_loading(cluster, victim), 240, "el trabajador a mitad de una parte", pause=0.01)
        docker("kill", victim)
        done = job.result()
    assert done.returncode == 0, done.stderr
    assert len(workers(cluster)) == 1, "el trabajador no murió"
    assert counts(json.loads(done.stdout)) == {f"grande/{name}": numbers(one) for name, one in expected.items()}
    loaded = sum(one.rows_loaded for name, one in expected.items() if name.startswith("ventas"))
    assert cluster.query("SELECT count(*), count(DISTINCT venta_id) FROM ventas") == [[str(loaded)] * 2]
    assert cluster.number("SELECT count(*) FROM etl.rejects") == sum(one.rows_rejected for one in expected.values())
    assert staging_tables(database) == []
    docker("start", victim)
    wait_for_both(cluster)


def is_loading(stack: Stack, worker: str) -> bool:
    """Si ya hay ventas cargadas y ese trabajador tiene ahora una transacción abierta con otra parte."""
    address = json.loads(docker("inspect", worker))[0]["NetworkSettings"]["Networks"][stack.name]["IPAddress"]
    with psycopg.connect(stack.url) as connection:
        found = connection.execute(
            "SELECT EXISTS (SELECT FROM etl.loads WHERE file ~ 'ventas' AND status = 'loaded') AND EXISTS"
            " (SELECT FROM pg_stat_activity WHERE client_addr = %s AND xact_start IS NOT NULL)",
            (address,),
        ).fetchone()
    return bool(found and found[0])


def numbers(counts: Expected) -> tuple[int, ...]:
    return counts.rows_read, counts.rows_loaded, counts.rows_duplicate, counts.rows_rejected


def counts(document: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    names = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")
    return {file["file"]: tuple(file[name] for name in names) for file in document["files"]}


JOB = """
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("jdbc").getOrCreate()
options = {"url": "jdbc:postgresql://postgres/curso_bigdata", "user": "lector", "password": "lector2026"}
ventas = spark.read.format("jdbc").options(dbtable="ventas", **options).load()
print(spark.sparkContext.master, ventas.count())
"""


def test_any_other_job_reaches_the_cluster_and_reads_the_tables(cluster: Stack) -> None:
    """Un programa de Spark sin nada de este proyecto: el maestro, el secreto y el controlador ya están."""
    (cluster.folder / "spark" / "prueba.py").write_text(JOB, encoding="utf-8")
    done = cluster.spark("spark-submit", "/spark/prueba.py")
    assert done.stdout.strip() == f"spark://spark-master:7077 {cluster.number('SELECT count(*) FROM ventas')}"


def test_the_paths_of_the_later_chapters_lead_to_the_same_places(cluster: Stack) -> None:
    listed = cluster.spark("sh", "-c", "ls /opt/spark-data /opt/spark-jars/postgresql.jar; readlink /opt/spark-apps")
    assert {"clientes.csv", "/opt/spark-jars/postgresql.jar", "/spark/jobs"} <= set(listed.stdout.split())


def test_java_accepts_a_user_that_the_image_does_not_know(spark_image: str) -> None:
    """Con ETL_UID en .env: Hadoop pregunta el nombre del usuario y, sin él, no arranca nada."""
    who = ("spark-class", "org.apache.hadoop.security.UserGroupInformation")
    assert "etl (auth:SIMPLE)" in docker("run", "--rm", "--user", "4321:4321", spark_image, *who)


def test_a_name_without_underscores_and_its_alias_lead_to_the_master(cluster: Stack) -> None:
    program = "import socket; print(*(socket.gethostbyname(name) for name in ('spark-master', 'master')))"
    name, alias = cluster.spark("python", "-c", program).stdout.split()
    assert name == alias


@pytest.mark.parametrize("port", [7077, 6066])
def test_nobody_outside_sends_jobs(cluster: Stack, port: int, spark_image: str) -> None:
    master = cluster.inspect("spark-master")
    assert set(master["NetworkSettings"]["Ports"]) == {"8080/tcp"}
    address = master["NetworkSettings"]["Networks"][cluster.name]["IPAddress"]
    program = TRY_POSTGRES.replace("5432", str(port))
    assert docker("run", "--rm", spark_image, "python", "-c", program, address).startswith("cerrado")
    # Dentro de la red, el de los trabajos está abierto y el de HTTP no existe.
    answer = cluster.spark("python", "-c", program, "spark-master").stdout
    assert answer.startswith("abierto" if port == 7077 else "cerrado")


def test_a_cluster_that_is_down_is_a_clear_error(cluster: Stack) -> None:
    cluster.compose("stop", "spark-master")
    done = cluster.compose("run", "--rm", "-T", "--no-deps", "app_spark", check=False)
    cluster.compose("start", "spark-master")
    assert done.returncode == 5
    assert "No se llega al maestro de Spark en spark://spark-master:7077" in done.stderr
    assert "docker compose --profile spark up -d" in done.stderr
    assert "Traceback" not in done.stderr
    wait_for_both(cluster)


@pytest.mark.timeout(SECONDS_TO_GIVE_UP + 60)
def test_who_does_not_know_the_secret_does_not_get_in(intruder: Any) -> None:
    done = intruder.result(timeout=SECONDS_TO_GIVE_UP)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "spark://spark-master:7077 no admitió el trabajo" in done.stderr
    assert "SPARK_AUTH_SECRET" in done.stderr
    # De Python. Lo que Spark se diga a sí mismo al rendirse, en otro hilo, depende de por dónde iba.
    assert "Traceback" not in done.stderr
