"""Lo que se adelanta: ni un fallo ni un final a destiempo dejan a nadie esperando para siempre."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from etl.extract.source import Source
from extras.spark.ahead import Item, Job, Series
from extras.spark.plan import Part
from extras.spark.stage import Staged, Work

SOURCES = [Source(Path(f"{number}.csv"), f"{number}.csv", f"{number}.csv") for number in range(100)]
# Estas pruebas no miran lo que viaja a los ejecutores.
WORK = cast(Work, object())


def one_part(job: Job) -> list[Part]:
    job.work = WORK
    return [Part(job.source, 0, 0)]


def done(wave: list[Item]) -> None:
    for _, part, staged in wave:
        staged.set_result(Staged(part.source.name))


def series(run: Callable[[list[Item]], None], prepare: Callable[[Job], Any] = one_part) -> Series:
    return Series(SOURCES, 1, prepare, run)


def test_each_file_gives_its_own_parts_whatever_wave_they_went_in() -> None:
    ahead = series(done)
    for source in SOURCES:
        job = ahead.take(source)
        assert job is not None
        assert [staged.table for _, staged in ahead.results(job)] == [source.name]
    ahead.stop(lambda: None)


def test_a_bad_part_does_not_take_with_it_the_others_of_its_wave() -> None:
    def run(wave: list[Item]) -> None:
        if any(part.source == SOURCES[0] for _, part, _ in wave):
            raise MemoryError("no cabe")
        done(wave)

    ahead = series(run)
    bad, good = ahead.take(SOURCES[0]), ahead.take(SOURCES[1])
    assert bad is not None
    assert good is not None
    with pytest.raises(MemoryError):
        list(ahead.results(bad))
    assert [staged.table for _, staged in ahead.results(good)] == ["1.csv"]
    ahead.stop(lambda: None)


def test_a_cluster_that_died_does_not_keep_the_program() -> None:
    """Con muchas partes por mandar y un Spark que ya no acepta ni que se cancelen."""

    def dead(_wave: list[Item]) -> None:
        raise RuntimeError("SparkContext was shut down")

    def refuse() -> None:
        raise RuntimeError("Cannot call methods on a stopped SparkContext")

    ahead = series(dead)
    job = ahead.take(SOURCES[0])
    assert job is not None
    with pytest.raises(RuntimeError, match="shut down"):
        list(ahead.results(job))
    with ThreadPoolExecutor(1) as other:
        other.submit(ahead.stop, refuse).result(timeout=20)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("etl-ahead", "etl-waves"))]


def test_what_is_asked_for_does_not_wait_for_the_known_files_behind_it() -> None:
    ran, waited = threading.Event(), []

    def prepare(job: Job) -> list[Part]:
        if job.wanted:
            return one_part(job)
        job.skip = True
        if job.source == SOURCES[2]:  # calcular su huella puede tardar
            waited.append(ran.wait(10))
        return []

    def run(wave: list[Item]) -> None:
        done(wave)
        ran.set()

    ahead = series(run, prepare)
    job = ahead.take(SOURCES[0])
    assert job is not None
    assert len(list(ahead.results(job))) == 1
    assert ahead.take(SOURCES[3]) is None
    ahead.stop(lambda: None)
    assert waited == [True]


def test_without_a_thread_for_the_waves_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def no_more(thread: threading.Thread) -> None:
        if thread.name.startswith("etl-waves"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", no_more)
    ahead = series(done)
    job = ahead.take(SOURCES[0])
    assert job is not None
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(ahead.results(job))
    ahead.stop(lambda: None)
