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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from compose.stack import wait_until
from etl.errors import DatabaseUnavailable
from etl.run import RunResult
from etl.settings import Settings
from extras.spark.merge import StagingArea
from loader import LOADED, Reader, check_invariants, content, environment, forget, prepare, statuses
from own_rows import load as load_here
from own_rows import query
from spark.parity import load, staging_tables
from spark.standalone import WORKERS, Standalone
from support import ServerAddress, connect_settings

pytestmark = pytest.mark.faults
COMMAND = [sys.executable, "-m", "wiring", "run", "--quiet", "--engine", "spark"]
PARTS = 13


@dataclass
class Case:
    """Un archivo grande por cargar, dónde, y cómo debe quedar la tabla."""

    settings: Settings
    database: ServerAddress
    cluster: Standalone
    marks: Path
    monkeypatch: pytest.MonkeyPatch
    expected: tuple[int, int]

    def run_on_executors(self, task: Callable[[Any, Any], Any]) -> None:
        self.monkeypatch.setattr("extras.spark.cluster.stage_part", task)

    def harm_once(self, harm: Callable[[], None]) -> None:
        """`harm` en un ejecutor, tras enviar las filas de una parte. Cada intento deja su marca."""
        marks = self.marks

        def task(work: Any, part: Any) -> Any:
            from pyspark import TaskContext

            from extras.spark.stage import stage_part

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

        self.run_on_executors(task)

    def repeated(self) -> list[str]:
        """Las partes que se hicieron dos veces enteras."""
        starts = [mark.name.split("-")[0] for mark in self.marks.iterdir() if "-" in mark.name]
        return sorted({start for start in starts if starts.count(start) > 1})

    def load(self) -> RunResult:
        on_cluster = replace(self.settings, spark_master=self.cluster.url)
        return load(on_cluster, "spark", self.settings.datos_dir)

    def load_exactly(self) -> None:
        """Carga en el clúster, mirando mientras tanto, y comprueba que todo quedó como debía."""
        with Reader(self.settings) as reader:
            result = self.load()
            check_invariants(self.settings)
        assert {count for count, *_ in reader.seen} <= {0, LOADED}
        assert result.exit_code == 0
        self.check()

    def check(self) -> None:
        assert content(self.settings) == self.expected
        assert statuses(self.settings) == ["loaded"]
        assert staging_tables(self.database) == []


@pytest.fixture
def case(
    settings: Settings, database: ServerAddress, cluster: Standalone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Case:
    """El archivo grande, ya cargado una vez con el otro motor y olvidado; se parte en trece."""
    path = prepare(settings)
    load_here(settings)
    expected = content(settings)
    assert expected[0] == LOADED
    forget(settings)
    monkeypatch.setattr("extras.spark.plan.PART", path.stat().st_size // PARTS)
    marks = tmp_path / "marcas"
    marks.mkdir()
    return Case(settings, database, cluster, marks, monkeypatch, expected)


def test_16_an_attempt_that_dies_after_sending_its_rows_is_repeated_and_not_counted_twice(case: Case) -> None:
    case.harm_once(lambda: os.kill(os.getpid(), signal.SIGKILL))
    case.load_exactly()
    assert len(case.repeated()) == 1


def test_16_a_worker_killed_in_the_middle_of_a_load_loses_nothing(case: Case) -> None:
    def power_cut() -> None:
        """Muere el ejecutor que hace esta tarea, y el trabajador que lo lanzó."""
        import psutil

        executor = psutil.Process().parents()[1]
        os.killpg(os.getpgid(executor.pid), signal.SIGKILL)
        time.sleep(30)

    case.harm_once(power_cut)
    case.load_exactly()
    assert case.repeated()
    dead = [host for host, worker in case.cluster.workers.items() if worker.poll() is not None]
    assert len(dead) == 1
    assert [worker["host"] for worker in case.cluster.alive()] == [host for host in WORKERS if host not in dead]


def test_16_a_slow_attempt_overtaken_by_another_does_not_count(
    case: Case, spark_properties: Callable[[str, str], None]
) -> None:
    for name, value in {"": "true", ".interval": "50ms", ".quantile": "0.5", ".minTaskRuntime": "100ms"}.items():
        spark_properties(f"spark.speculation{name}", value)
    case.harm_once(lambda: time.sleep(200))
    case.load_exactly()
    assert case.repeated()


def test_3_sessions_closed_by_the_administrator_are_opened_again(case: Case) -> None:
    settings = case.settings
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

    case.harm_once(close_all)
    case.load_exactly()
    assert (case.marks / "hecho").exists()


MOMENTS = {
    "enviando filas": "SELECT count(*) FROM pg_tables WHERE tablename LIKE '\\_spark\\_%\\_%\\_%'",
    "mezclando": 'SELECT count(*) FROM pg_stat_activity WHERE query LIKE \'INSERT INTO "etl"."rejects"%\'',
}


def test_1_drivers_killed_leave_nothing_that_the_next_run_does_not_mend(case: Case) -> None:
    settings, cluster = case.settings, case.cluster
    for moment, seen in MOMENTS.items():
        driver = subprocess.Popen(COMMAND, env=environment(settings, SPARK_MASTER_URL=cluster.url))
        with driver, connect_settings(settings) as busy, busy.transaction():
            # Sin poder escribir rechazos no llega al COMMIT antes de que le toque morir.
            busy.execute("LOCK TABLE etl.rejects IN EXCLUSIVE MODE")
            wait_until(lambda: query(settings, seen) != [0], 120, moment, pause=0.01)  # noqa: B023
            driver.kill()
        assert driver.returncode == -signal.SIGKILL
        assert (content(settings)[0], statuses(settings)) == (0, [])
        # Sin conductor, el maestro da el programa por acabado y sus ejecutores se van.
        cluster.wait_until_idle()
    case.load_exactly()


def test_12_two_drivers_at_once_load_the_file_once(case: Case, spark_properties: Callable[[str, str], None]) -> None:
    settings, cluster = case.settings, case.cluster
    spark_properties("spark.cores.max", "2")  # la mitad para cada uno
    half = environment(
        settings, SPARK_MASTER_URL=cluster.url, PYSPARK_SUBMIT_ARGS="--conf spark.cores.max=2 pyspark-shell"
    )
    with connect_settings(settings) as busy, ThreadPoolExecutor() as threads:
        # Con la tabla ocupada, los dos llegan a estar listos antes de que empiece ninguno.
        busy.execute("SELECT pg_advisory_lock(hashtextextended('datos.ventas', 0))")
        here = threads.submit(case.load)
        with subprocess.Popen(COMMAND, env=half) as there:
            ready = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
            ready += " (SELECT oid FROM pg_database WHERE datname = current_database())"
            wait_until(lambda: query(settings, ready) == [3], 120, "que estén listos los dos")
            busy.close()
            result = here.result()
    assert (there.returncode, result.exit_code) == (0, 0)
    case.check()


def test_17_a_password_that_the_executors_cannot_use_is_one_error_and_no_storm(case: Case) -> None:
    marks = case.marks

    def task(work: Any, part: Any) -> Any:
        from dataclasses import replace
        from uuid import uuid4

        from extras.spark.stage import stage_part

        (marks / uuid4().hex).touch()
        return stage_part(
            replace(work, settings=replace(work.settings, db_password="otra", loader_password="otra")), part
        )

    case.run_on_executors(task)
    with pytest.raises(DatabaseUnavailable, match="password authentication failed") as failure:
        case.load()
    assert failure.value.exit_code == 4
    # Un intento por parte, y quizá la que queda tras la última división.
    assert len(list(marks.iterdir())) <= PARTS + 1
    check_invariants(case.settings)


def test_abandoned_tables_still_in_use_do_not_stop_a_new_run(settings: Settings, database: ServerAddress) -> None:
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
