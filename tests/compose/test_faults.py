"""Fallos en mitad de una carga con el stack en marcha: nada se pierde, nada se dobla, nada queda a medias."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from compose.conftest import Clone
from compose.stack import Stack, wait_until
from own_sample import Expected, write_sample

# Suficientes para que la carga dure unos segundos y dé tiempo a interrumpirla.
ROWS = 300_000
# Los códigos con los que `etl` dice que lo interrumpieron; 137 sería que Docker tuvo que matarlo.
INTERRUPTED = (130, 143)


@dataclass(frozen=True)
class Large:
    """Archivos grandes y, por cada uno, lo que debe pasar al cargarlo."""

    folder: Path
    expected: dict[str, Expected]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Large:
    folder = tmp_path_factory.mktemp("grande")
    return Large(folder, write_sample(folder, ROWS))


@pytest.fixture
def loading(make_stack: Callable[..., Stack], clone: Clone, large: Large, tmp_path: Path) -> Stack:
    """Un stack sorprendido mientras copia una de sus doce partes de ventas."""
    stack = make_stack(clone(tmp_path / "clon"))
    for path in large.folder.iterdir():
        if path.is_file():
            (stack.folder / "datos" / path.name).write_bytes(path.read_bytes())
    stack.compose("up", "--detach", "--no-build")
    wait_until(lambda: in_the_middle(stack), 60, "una carga a medias", pause=0.01)
    return stack


def in_the_middle(stack: Stack) -> bool:
    """Si hay archivos ya cargados y otro copiándose ahora mismo."""
    with suppress(psycopg.OperationalError), psycopg.connect(stack.url) as connection:
        copying = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query ~ 'COPY' AND usename = 'etl_loader'"
        known = connection.execute("SELECT to_regclass('etl.loads')").fetchone()
        if known and known[0] and connection.execute(copying).fetchone():
            loaded = connection.execute("SELECT count(*) FROM etl.loads WHERE file ~ 'ventas'").fetchone()
            return bool(loaded and loaded[0] >= 2)
    return False


def assert_nothing_half_done(stack: Stack) -> None:
    """Lo que hay en la tabla es exactamente lo que dicen los apuntes, y no queda nada por recoger."""
    assert (
        stack.query(
            "SELECT _load_id, count(*) FROM ventas GROUP BY 1 EXCEPT"
            " SELECT load_id, rows_loaded FROM etl.loads WHERE table_name = 'datos.ventas'"
        )
        == []
    )
    assert stack.number("SELECT count(*) FROM etl.loads WHERE status = 'loaded' AND finished_at IS NULL") == 0
    assert (
        stack.query("SELECT tablename FROM pg_tables WHERE schemaname = 'staging' OR schemaname LIKE 'pg_temp%'") == []
    )
    assert stack.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory'") == []


def assert_complete(stack: Stack, large: Large) -> None:
    """Cada archivo, una vez y con las cuentas de quien lo generó; cada clave, una sola fila."""
    found = stack.query(
        "SELECT file, rows_read, rows_loaded, rows_duplicate, rows_rejected FROM etl.loads WHERE status = 'loaded'"
    )
    assert {name: tuple(map(int, numbers)) for name, *numbers in found} == {
        name: (counts.rows_read, counts.rows_loaded, counts.rows_duplicate, counts.rows_rejected)
        for name, counts in large.expected.items()
    }
    assert len(found) == len(large.expected)
    loaded = sum(counts.rows_loaded for name, counts in large.expected.items() if name.startswith("ventas"))
    assert stack.number("SELECT count(*) FROM ventas") == loaded
    assert stack.number("SELECT count(DISTINCT venta_id) FROM ventas") == loaded
    assert stack.number("SELECT count(*) FROM etl.rejects") == sum(
        counts.rows_rejected for counts in large.expected.values()
    )


def kill_server(stack: Stack) -> None:
    """Mata PostgreSQL como lo haría la máquina, para que actúe la política de reinicio.

    `docker kill` cuenta como una parada a mano: tras ella, Docker no lo levanta.
    """
    if os.geteuid() == 0:
        os.kill(stack.inspect("postgres")["State"]["Pid"], signal.SIGKILL)
    else:
        stack.compose("kill", "postgres")
        stack.compose("start", "postgres")


def test_killing_postgres_in_the_middle_of_a_load(loading: Stack, large: Large) -> None:
    before = loading.inspect("postgres")["State"]["StartedAt"]
    kill_server(loading)
    first = loading.wait("app_etl")
    assert first in (0, 3, 4), loading.logs("app_etl")
    assert loading.inspect("postgres")["State"]["StartedAt"] != before
    assert "Traceback" not in loading.logs("app_etl")

    assert loading.up() == 0, loading.logs("app_etl")
    assert_nothing_half_done(loading)
    assert_complete(loading, large)


def test_stopping_in_the_middle_of_a_load(loading: Stack, large: Large) -> None:
    loading.compose("stop", "app_etl")
    code = loading.inspect("app_etl")["State"]["ExitCode"]
    assert code in INTERRUPTED, f"no paró él: lo mataron (código {code})"
    partial = loading.number("SELECT count(*) FROM ventas")
    assert 0 < partial < ROWS
    assert_nothing_half_done(loading)

    assert loading.up() == 0, loading.logs("app_etl")
    assert_complete(loading, large)


def test_stopping_everything_at_once_ends_in_time(loading: Stack, large: Large) -> None:
    loading.compose("stop")
    codes = {name: loading.inspect(name)["State"]["ExitCode"] for name in ("app_etl", "postgres")}
    assert codes["postgres"] == 0
    assert codes["app_etl"] in INTERRUPTED, f"no paró él: lo mataron (código {codes['app_etl']})"

    assert loading.up() == 0, loading.logs("app_etl")
    assert_complete(loading, large)
