"""Matar al cargador: en cualquier momento, la tabla queda como antes o como después, nunca a medias."""

import random
import signal
import time
from collections.abc import Iterator

import pytest

from etl.settings import Settings
from loader import (
    KILLED,
    LOADED,
    Loader,
    Reader,
    big_sales,
    check_invariants,
    check_runs_again,
    content,
    forget,
    loader,
    prepare,
    statuses,
)
from shop import query

pytestmark = pytest.mark.faults
MOMENTS = 15


@pytest.fixture
def loading(settings: Settings) -> Iterator[Loader]:
    with loader(settings) as prepared:
        yield prepared


def moments(seconds: float) -> list[float]:
    """Instantes al azar, siempre los mismos, repartidos por toda la carga y un poco más allá."""
    dice = random.Random(2026)
    return [(step + dice.random()) / MOMENTS * seconds * 1.05 for step in range(MOMENTS)]


def timed(loading: Loader) -> float:
    started = time.monotonic()
    assert loading.run() == 0
    return time.monotonic() - started


def kill_after(loading: Loader, seconds: float) -> int:
    running = loading.start()
    time.sleep(seconds)
    running.send(signal.SIGKILL)
    return running.exit_code()


def test_1_killed_at_any_moment_of_a_first_load(settings: Settings, loading: Loader) -> None:
    prepare(settings)
    seconds = timed(loading)
    codes = []
    with Reader(settings) as reader:
        for moment in moments(seconds):
            forget(settings)
            codes.append(kill_after(loading, moment))
            check_invariants(settings)
            assert content(settings)[0] in (0, LOADED)
            assert statuses(settings) in ([], ["loaded"])
    assert {count for count, *_ in reader.seen} <= {0, LOADED}
    assert codes.count(KILLED) >= MOMENTS // 2
    check_runs_again(settings, loading)


def test_1_killed_at_any_moment_while_a_new_version_replaces_the_old_one(
    settings: Settings, loading: Loader
) -> None:
    path = prepare(settings)
    seconds = timed(loading)
    versions = {canal: big_sales(canal) for canal in ("web", "tienda")}
    now = "web"
    with Reader(settings) as reader:
        for moment in moments(seconds * 1.5):
            path.write_text(versions["tienda" if now == "web" else "web"])
            kill_after(loading, moment)
            check_invariants(settings)
            # Si llegó a confirmarse, la de ahora es la nueva y la siguiente será la otra.
            now = query(settings, "SELECT min(canal) FROM datos.ventas")[0]
    assert reader.seen <= {(LOADED, "web", "web"), (LOADED, "tienda", "tienda")}
    check_runs_again(settings, loading)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_2_asked_to_stop_it_stops_at_once_and_says_so_in_the_ledger(
    settings: Settings, loading: Loader, share: float
) -> None:
    prepare(settings)
    seconds = timed(loading)
    forget(settings)
    with Reader(settings) as reader:
        running = loading.start()
        time.sleep(seconds * share)
        asked = time.monotonic()
        running.send(signal.SIGTERM)
        code = running.exit_code()
        assert time.monotonic() - asked < 5
        check_invariants(settings)
    assert {count for count, *_ in reader.seen} <= {0, LOADED}
    # Antes de atender señales, o ya saliendo, Python acaba como cualquier programa: con -15.
    assert code in (0, 143, -signal.SIGTERM)
    # Antes de empezar el archivo no hay nada que apuntar; rehaciendo los marts ya está cargado.
    assert statuses(settings) in ([["loaded"]] if code == 0 else [[], ["failed"], ["loaded"]])
    check_runs_again(settings, loading)
