"""Fallo 16 y sus parientes, en un clúster de verdad: lo que muera o se repita no cambia el resultado.

Los ejecutores corren la tarea de siempre; en el primer intento de una parte, con sus filas ya
enviadas y confirmadas, pasa algo. Después tiene que quedar lo mismo que con el otro motor.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compose.stack import wait_until
from etl.database.embedded import ServerAddress
from etl.engines.spark.merge import StagingArea
from etl.errors import DatabaseUnavailable
from etl.result import RunResult
from etl.settings import Settings
from loader import LOADED, Reader, check_invariants, content, environment, forget, prepare, statuses
from shop import load as load_here
from shop import query
from spark.parity import load, staging_tables
from spark.standalone import WORKERS, Standalone
from support import connect_settings

pytestmark = pytest.mark.faults
COMMAND = [sys.executable, "-m", "etl", "run", "--quiet", "--engine", "spark"]
Harm = Callable[[], None]


@pytest.fixture
def sales(settings: Settings, cluster: Standalone, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Deja el archivo grande por cargar, en trece partes; devuelve cómo debe quedar la tabla."""
    path = prepare(settings)
    load_here(settings)
    expected = content(settings)
    assert expected[0] == LOADED
    forget(settings)
    monkeypatch.setattr("etl.extract.delimited.BLOCK", path.stat().st_size // 13)
    monkeypatch.setattr("etl.engines.spark.plan.PART", 1)
    return expected


def harm_once(monkeypatch: pytest.MonkeyPatch, marks: Path, harm: Harm) -> None:
    """`harm` en un ejecutor, tras enviar las filas de una parte. Cada intento deja su marca en `marks`."""

    def task(work: Any, part: Any) -> Any:
        from pyspark import TaskContext

        from etl.engines.spark.stage import stage_part

        staged = stage_part(work, part)
        context = TaskContext.get()
        assert context is not None
        (marks / f"{part.start}-{context.attemptNumber()}").touch()
        if context.partitionId() == 1 and context.attemptNumber() == 0:
            try:
                (marks / "hecho").touch(exist_ok=False)
            except FileExistsError:
                return staged
            harm()
        return staged

    monkeypatch.setattr("etl.engines.spark.cluster.stage_part", task)


def load_exactly(
    settings: Settings, database: ServerAddress, cluster: Standalone, expected: tuple[int, int]
) -> RunResult:
    """Carga en el clúster, mirando mientras tanto, y comprueba que todo quedó como debía (I1 a I5)."""
    with Reader(settings) as reader:
        result = load(replace(settings, spark_master=cluster.url), "spark", settings.datos_dir)
        check_invariants(settings)
    assert {count for count, *_ in reader.seen} <= {0, LOADED}
    assert content(settings) == expected
    assert (result.exit_code, statuses(settings)) == (0, ["loaded"])
    assert staging_tables(database) == []
    return result


def repeated(marks: Path) -> list[str]:
    """Las partes que se hicieron dos veces enteras."""
    starts = [mark.name.split("-")[0] for mark in marks.iterdir() if "-" in mark.name]
    return sorted({start for start in starts if starts.count(start) > 1})


def test_16_an_attempt_that_dies_after_sending_its_rows_is_repeated_and_not_counted_twice(
    settings: Settings,
    database: ServerAddress,
    cluster: Standalone,
    sales: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harm_once(monkeypatch, tmp_path, lambda: os.kill(os.getpid(), signal.SIGKILL))
    load_exactly(settings, database, cluster, sales)
    assert len(repeated(tmp_path)) == 1


def test_16_a_worker_killed_in_the_middle_of_a_load_loses_nothing(
    settings: Settings,
    database: ServerAddress,
    cluster: Standalone,
    sales: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def power_cut() -> None:
        """Muere el ejecutor que hace esta tarea, y el trabajador que lo lanzó."""
        import psutil

        executor = psutil.Process().parents()[1]
        os.killpg(os.getpgid(executor.pid), signal.SIGKILL)
        time.sleep(30)

    harm_once(monkeypatch, tmp_path, power_cut)
    load_exactly(settings, database, cluster, sales)
    assert repeated(tmp_path)
    dead = [host for host, worker in cluster.workers.items() if worker.poll() is not None]
    assert len(dead) == 1
    assert [worker["host"] for worker in cluster.alive()] == [host for host in WORKERS if host not in dead]


def test_16_a_slow_attempt_overtaken_by_another_does_not_count(
    settings: Settings,
    database: ServerAddress,
    cluster: Standalone,
    sales: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spark_properties: Callable[[str, str], None],
) -> None:
    for name, value in {
        "": "true",
        ".interval": "50ms",
        ".quantile": "0.5",
        ".minTaskRuntime": "100ms",
    }.items():
        spark_properties(f"spark.speculation{name}", value)
    harm_once(monkeypatch, tmp_path, lambda: time.sleep(200))
    load_exactly(settings, database, cluster, sales)
    assert repeated(tmp_path)


def test_3_sessions_closed_by_the_administrator_are_opened_again(
    settings: Settings,
    database: ServerAddress,
    cluster: Standalone,
    sales: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = {"host": settings.db_host, "port": settings.db_port, "dbname": settings.db_name}
    login = {**where, "user": settings.db_user, "password": settings.db_password}

    def close_all() -> None:
        """Las de los ejecutores, la del archivo y la de las tablas de paso."""
        import psycopg

        with psycopg.connect(**login) as administrator:
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'etl'"
            )

    harm_once(monkeypatch, tmp_path, close_all)
    load_exactly(settings, database, cluster, sales)
    assert (tmp_path / "hecho").exists()


OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'etl'"
MOMENTS = {
    "enviando filas": "SELECT count(*) FROM pg_tables WHERE tablename LIKE '\\_spark\\_%\\_%\\_%'",
    "mezclando": OTHERS + ' AND query LIKE \'%INSERT INTO "datos"."ventas"%\'',
}


def test_1_drivers_killed_leave_nothing_that_the_next_run_does_not_mend(
    settings: Settings, database: ServerAddress, cluster: Standalone, sales: tuple[int, int]
) -> None:
    for moment, seen in MOMENTS.items():
        with subprocess.Popen(COMMAND, env=environment(settings, SPARK_MASTER_URL=cluster.url)) as driver:
            wait_until(lambda: query(settings, seen) != [0], 120, moment, pause=0.005)  # noqa: B023
            driver.kill()
        assert driver.returncode == -signal.SIGKILL
        assert (content(settings)[0], statuses(settings)) == (0, [])
        # Sin conductor, el maestro da el programa por acabado y sus ejecutores se van.
        cluster.wait_until_idle()
    load_exactly(settings, database, cluster, sales)


def test_12_two_drivers_at_once_load_the_file_once(
    settings: Settings,
    database: ServerAddress,
    cluster: Standalone,
    sales: tuple[int, int],
    spark_properties: Callable[[str, str], None],
) -> None:
    spark_properties("spark.cores.max", "2")  # la mitad para cada uno
    half = environment(
        settings,
        SPARK_MASTER_URL=cluster.url,
        PYSPARK_SUBMIT_ARGS="--conf spark.cores.max=2 pyspark-shell",
    )
    with connect_settings(settings) as busy, ThreadPoolExecutor() as threads:
        # Con la tabla ocupada, los dos llegan a estar listos antes de que empiece ninguno.
        busy.execute("SELECT pg_advisory_lock(hashtextextended('datos.ventas', 0))")
        here = threads.submit(load, replace(settings, spark_master=cluster.url), "spark", settings.datos_dir)
        with subprocess.Popen(COMMAND, env=half) as there:
            ready = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
            ready += " (SELECT oid FROM pg_database WHERE datname = current_database())"
            wait_until(lambda: query(settings, ready) == [3], 120, "que estén listos los dos")
            busy.close()
            result = here.result()
    assert (there.returncode, result.exit_code) == (0, 0)
    assert content(settings) == sales
    assert statuses(settings) == ["loaded"]
    assert staging_tables(database) == []


def test_17_a_password_that_the_executors_cannot_use_is_one_error_and_no_storm(
    settings: Settings,
    cluster: Standalone,
    sales: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def task(work: Any, part: Any) -> Any:
        from dataclasses import replace
        from uuid import uuid4

        from etl.engines.spark.stage import stage_part

        (tmp_path / uuid4().hex).touch()
        return stage_part(replace(work, settings=replace(work.settings, db_password="otra")), part)

    monkeypatch.setattr("etl.engines.spark.cluster.stage_part", task)
    with pytest.raises(DatabaseUnavailable, match="password authentication failed") as failure:
        load(replace(settings, spark_master=cluster.url), "spark", settings.datos_dir)
    assert failure.value.exit_code == 4
    parts = 13
    assert len(list(tmp_path.iterdir())) <= parts + 1
    check_invariants(settings)


def test_abandoned_tables_still_in_use_do_not_stop_a_new_run(
    settings: Settings, database: ServerAddress
) -> None:
    abandoned = '"staging"."_spark_0123456789ab_7"'
    with connect_settings(settings) as dead:
        dead.execute(f"CREATE TABLE {abandoned} (a int)")
        dead.execute(f'CREATE TABLE "staging"."_spark_0123456789ab_7_31" (LIKE {abandoned})')
        with dead.transaction():
            dead.execute(f"SELECT FROM {abandoned}")
            StagingArea(replace(settings, lock_seconds=0.1), uuid.uuid4()).close()
            assert len(staging_tables(database)) == 2
    StagingArea(settings, uuid.uuid4()).close()
    assert staging_tables(database) == []
