"""En un clúster de verdad (un maestro y dos trabajadores): lo mismo que en un proceso, y a la vista."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from compose.stack import free_ports
from etl.errors import ClusterUnavailable
from etl.settings import Settings
from extras.spark.session import open_session, resources
from loader import etl
from own_sample import write_sample
from spark.parity import assert_equal, clear, load, staging_tables, state
from spark.standalone import Standalone
from support import ServerAddress


def test_the_sample_data_is_equal_and_both_workers_lend_their_cores(
    settings: Settings, database: ServerAddress, cluster: Standalone, sample: Path
) -> None:
    load(settings, "local", sample)
    expected = state(database)
    clear(database)
    lent: list[dict[str, Any]] = []
    said: list[str] = []

    def look(*_progress: Any) -> None:
        lent.append({worker["host"]: worker["coresused"] for worker in cluster.state()["workers"]})

    result = load(replace(settings, spark_master=cluster.url), "spark", sample, look, said)
    assert_equal(expected, state(database))
    assert staging_tables(database) == []
    # Lo que cuenta el maestro mientras se cargaba.
    assert lent[0] == lent[-1] == {"127.0.0.2": 2, "127.0.0.3": 2}
    # Y lo que lee quien lo lanza.
    assert said == [f"Spark: maestro {cluster.url} · ejecutores: 2 en 127.0.0.2, 127.0.0.3 · núcleos: 4"]
    assert result.facts["spark"]["executors"] == 2


def test_data_with_many_errors_is_equal(
    settings: Settings, database: ServerAddress, cluster: Standalone, tmp_path: Path, small_blocks: None
) -> None:
    folder = tmp_path / "tienda"
    write_sample(folder, 3000, every=5, months=1)
    load(settings, "local", folder)
    expected = state(database)
    clear(database)
    load(replace(settings, spark_master=cluster.url), "spark", folder)
    assert_equal(expected, state(database))
    assert len(expected["rejects"]) > 500


def test_while_a_file_is_merged_the_next_ones_are_validated(
    settings: Settings, database: ServerAddress, cluster: Standalone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, marks = tmp_path / "tienda", tmp_path / "marcas"
    marks.mkdir()
    write_sample(folder, 840, every=7, months=6)
    write_lines_and_groups(folder)
    load(settings, "local", folder)
    expected = state(database)
    clear(database)

    def task(work: Any, part: Any) -> Any:
        import time
        from uuid import uuid4

        from extras.spark.stage import stage_part

        start = time.time()
        staged = stage_part(work, part)
        time.sleep(0.3)  # para que coincidan aunque la máquina sea rápida
        (marks / uuid4().hex).write_text(f"{part.source.name} {start} {time.time()}")
        return staged

    monkeypatch.setattr("extras.spark.cluster.stage_part", task)
    monkeypatch.setattr("extras.spark.plan.PART", 4096)
    result = load(replace(settings, spark_master=cluster.url), "spark", folder)
    assert [one.reason for one in result.files if one.reason] == []
    assert_equal(expected, state(database))
    done = [
        (name, float(start), float(end)) for name, start, end in (one.read_text().split() for one in marks.iterdir())
    ]
    together = [{name for name, start, end in done if start <= moment < end} for _, moment, _ in done]
    assert max(map(len, together)) > 1
    # De estos, cada uno fue más de una tarea.
    assert all(sum(name == file for name, *_ in done) > 1 for file in ("ventas_lineas.jsonl", "ventas_grupos.parquet"))


def write_lines_and_groups(folder: Path) -> None:
    """Las ventas de un mes otra vez, con otras claves, en JSON lines y en Parquet de varios grupos."""
    with (folder / "ventas_2025-01.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    for times, name in ((1, "ventas_lineas.jsonl"), (2, "ventas_grupos.parquet")):
        good = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
        for row in good:
            row["venta_id"] += f"{times:07}"
        if name.endswith("jsonl"):
            (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in good), encoding="utf-8")
        else:
            parquet.write_table(pa.Table.from_pylist(good), folder / name, row_group_size=20)


def test_a_master_that_does_not_answer_is_an_error_and_never_a_local_run(
    settings: Settings, database: ServerAddress, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extras.spark.session.MASTER_SECONDS", 0)
    url = f"spark://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(ClusterUnavailable, match=url) as failure:
        load(replace(settings, spark_master=url), "spark", sample)
    assert failure.value.exit_code == 5
    assert "docker compose --profile spark up" in failure.value.hint
    assert state(database)["loads"] == []


def test_a_cluster_that_gives_no_executor_is_an_error_that_says_where_to_look(
    settings: Settings,
    cluster: Standalone,
    sample: Path,
    monkeypatch: pytest.MonkeyPatch,
    spark_properties: Callable[[str, str], None],
) -> None:
    monkeypatch.setattr("extras.spark.session.EXECUTOR_SECONDS", 2)
    spark_properties("spark.executor.memory", "900g")  # ningún trabajador tiene tanta
    with pytest.raises(ClusterUnavailable, match="no dio ningún ejecutor") as failure:
        load(replace(settings, spark_master=cluster.url), "spark", sample)
    assert failure.value.exit_code == 5


def test_a_job_that_the_cluster_throws_out_does_not_wait_for_executors(settings: Settings, cluster: Standalone) -> None:
    """Sin el secreto, Spark se rinde en un hilo suyo: la sesión puede pararse después de abierta."""
    told = pytest.raises(ClusterUnavailable, match=f"{cluster.url} no admitió el trabajo")
    with told as failure, open_session(replace(settings, spark_master=cluster.url), "prueba") as session:
        session.sparkContext._jsc.sc().stop()
        resources(session)
    assert "SPARK_AUTH_SECRET" in failure.value.hint


def test_a_session_that_falls_when_spark_gives_up_was_not_admitted(
    settings: Settings, cluster: Standalone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lo que diga Spark depende de por dónde iba; que tardara lo que tarda en rendirse, no."""
    monkeypatch.setattr("extras.spark.session.GIVES_UP_AFTER", 0)
    monkeypatch.setattr("extras.spark.session._zip_package", lambda _folder: Path("no-existe.zip"))
    told = pytest.raises(ClusterUnavailable, match="no admitió el trabajo")
    with told, open_session(replace(settings, spark_master=cluster.url), "prueba"):
        pass


def test_a_java_that_dies_at_its_start_is_not_blamed_on_the_master(settings: Settings, sample: Path) -> None:
    done = etl(settings, "run", "--engine", "spark", str(sample), JAVA_TOOL_OPTIONS="-XX:NoExiste")
    assert done.returncode == 5, done.stderr
    assert "Java se paró al arrancar" in done.stderr
    assert "JAVA_TOOL_OPTIONS" in done.stderr
    assert "SPARK_MASTER_URL" not in done.stderr
