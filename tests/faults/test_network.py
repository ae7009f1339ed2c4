"""La red y las sesiones: lo que se corta, se calla o se pierde no deja nada a medias ni se repite a ciegas."""

import pytest

from etl.settings import Settings
from loader import (
    LOADED,
    Reader,
    check_invariants,
    check_runs_again,
    content,
    etl,
    finish,
    loader,
    prepare,
    statuses,
    wait_for_copy,
)
from own_rows import query
from proxy import Mischief, cut_after, cut_at, lose_the_reply_to, nothing, proxy, stall_after
from support import connect_settings

pytestmark = pytest.mark.faults
MEGABYTE = 1 << 20
SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'etl'"
# `etl run` abre tres conexiones: mirar la versión, declarar tablas (si hace falta) y cargar.
LOADING = 1


def through(settings: Settings, *script: Mischief, **changes: str) -> tuple[int, int]:
    """Carga a través del intermediario, y ve desde fuera lo mismo que cualquiera. Código y conexiones."""
    with Reader(settings) as reader, proxy(settings, *[nothing] * LOADING, *script) as (between, changed):
        done = etl(changed, "run", "--quiet", **changes)
        check_invariants(settings)
    assert {count for count, *_ in reader.seen} <= {0, LOADED}
    assert "Traceback" not in done.stderr
    return done.returncode, between.connections


@pytest.mark.parametrize("limit", [500, 5_000, 100_000, MEGABYTE])
def test_6_a_connection_cut_after_some_bytes_is_opened_again(settings: Settings, limit: int) -> None:
    prepare(settings)
    code, connections = through(settings, cut_after(limit))
    assert (code, statuses(settings)) == (0, ["loaded"])
    assert connections >= LOADING + 2
    assert content(settings)[0] == LOADED
    finish(settings)


def test_6_a_server_that_lets_in_and_falls_again_is_asked_once_more(settings: Settings) -> None:
    prepare(settings)
    code, connections = through(settings, cut_after(100_000), cut_at(b"pg_terminate_backend"))
    assert (code, statuses(settings), connections) == (0, ["loaded"], LOADING + 3)
    finish(settings)


def test_6_a_connection_that_is_always_cut_gives_up_and_leaves_nothing(settings: Settings) -> None:
    prepare(settings)
    code, connections = through(settings, *[cut_after(100_000)] * 3)
    assert (code, statuses(settings)) == (3, ["failed"])
    assert connections == LOADING + 4  # tres intentos y otra para apuntar el fallo
    assert content(settings)[0] == 0
    finish(settings)


def test_7_a_lost_reply_to_commit_is_looked_up_and_not_repeated(settings: Settings) -> None:
    prepare(settings)
    code, _ = through(settings, lose_the_reply_to(b"COMMIT"))
    assert code == 0
    assert statuses(settings) == ["loaded"]
    assert content(settings)[0] == LOADED
    finish(settings)


def test_8_a_network_gone_silent_is_given_up_in_time(settings: Settings) -> None:
    prepare(settings)
    code, _ = through(settings, stall_after(100_000), DB_STATEMENT_SECONDS="2")
    assert (code, statuses(settings)) == (0, ["loaded"])
    finish(settings)


def test_3_a_session_closed_by_the_administrator_is_opened_again(settings: Settings) -> None:
    prepare(settings)
    with loader(settings) as loading, Reader(settings) as reader, connect_settings(settings) as administrator:
        running = loading.start()
        wait_for_copy(settings)
        closed = administrator.execute(f"SELECT pg_terminate_backend(pid) {SESSIONS}").fetchall()
        assert closed == [(True,)]
        assert running.exit_code() == 0
        check_invariants(settings)
        assert {count for count, *_ in reader.seen} <= {0, LOADED}
        assert statuses(settings) == ["loaded"]
        check_runs_again(settings, loading)


def test_12_of_two_loaders_on_one_file_one_loads_it_and_the_other_does_nothing(settings: Settings) -> None:
    prepare(settings)
    with loader(settings) as one, loader(settings) as other, Reader(settings) as reader:
        first, second = one.start(), other.start()
        assert (first.exit_code(), second.exit_code()) == (0, 0)
        check_invariants(settings)
        assert statuses(settings) == ["loaded"]
        assert {count for count, *_ in reader.seen} <= {0, LOADED}
        check_runs_again(settings, one)


def test_13_a_table_locked_by_someone_else_is_not_waited_for_forever(settings: Settings) -> None:
    prepare(settings)
    with connect_settings(settings) as someone, someone.transaction():
        someone.execute("LOCK TABLE datos.ventas IN EXCLUSIVE MODE")
        done = etl(settings, "run", "--quiet", DB_LOCK_SECONDS="1")
    assert done.returncode == 3
    assert "ventas.csv: La tabla está bloqueada por otra sesión." in " ".join(done.stderr.split())
    check_invariants(settings)
    assert statuses(settings) == ["failed"]
    finish(settings)


def test_13_a_mart_locked_by_someone_else_is_one_clear_error(settings: Settings) -> None:
    prepare(settings)
    with connect_settings(settings) as someone, someone.transaction():
        someone.execute("LOCK TABLE marts.productos_top IN ACCESS SHARE MODE")
        done = etl(settings, "run", "--quiet", DB_LOCK_SECONDS="1")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "marts.productos_top" in done.stderr
    assert statuses(settings) == ["loaded"]
    # La carga siguiente no tiene archivos nuevos, pero el mart sigue pendiente.
    assert etl(settings, "run", "--quiet").returncode == 0
    assert query(settings, "SELECT sum(unidades) > 0 FROM marts.productos_top") == [True]
    finish(settings)


def test_17_a_wrong_password_is_one_clear_error_after_one_try(settings: Settings) -> None:
    with proxy(settings) as (between, changed):
        done = etl(changed, "run", DB_PASSWORD="equivocada")
    assert (done.returncode, between.connections) == (4, 1)
    assert "contraseña" in done.stderr
    assert "equivocada" not in done.stderr
    assert "Traceback" not in done.stderr
    assert query(settings, "SELECT count(*) FROM etl.loads") == [0]
