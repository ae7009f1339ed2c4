"""El servidor embebido de verdad: se crea, se mata, se estropea y vuelve, como root y sin serlo."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from etl.database import connection
from etl.errors import DatabaseUnavailable, UsageError
from etl.settings import ROOT, Settings
from extras.doctor.causes import explain
from extras.embedded import account
from extras.embedded import lifecycle as embedded
from extras.embedded.process import running_port
from extras.embedded.programs import PROGRAMS
from own_project import PYTHONPATH
from support import ServerAddress, connect, execute, fetch, own_server, settings_for, temporary_local_dir

AS_ROOT = os.name != "nt" and os.geteuid() == 0
USUAL = Settings().pg_version
START = """
import sys
from pathlib import Path
from etl.settings import Settings
from extras.embedded.lifecycle import ensure_running
own = {"db_user": "alumno", "db_password": "bigdata2026", "db_name": "curso"}
print(ensure_running(Settings(local_dir=Path(sys.argv[1]), pg_version=int(sys.argv[2]), db_host=None, **own)).db_port)
"""


@pytest.fixture
def local_dir() -> Iterator[Path]:
    with temporary_local_dir() as folder:
        try:
            yield folder
        finally:
            for version in PROGRAMS:
                embedded.stop(folder, version)


def start(local_dir: Path, version: int, **changes: str) -> ServerAddress:
    wanted = {"user": "alumno", "password": "bigdata2026", "dbname": "curso"} | changes
    return own_server(local_dir, version, **wanted)


def is_running(local_dir: Path, version: int) -> bool:
    return running_port(local_dir / f"pg{version}") is not None


def server_pid(local_dir: Path, version: int) -> int:
    return int((local_dir / f"pg{version}" / "postmaster.pid").read_text().splitlines()[0])


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


def test_a_new_server_answers_and_the_next_call_finds_it_running(local_dir: Path, pg_version: int) -> None:
    began = time.monotonic()
    address = start(local_dir, pg_version)
    created = time.monotonic()
    assert start(local_dir, pg_version) == address
    found = time.monotonic()
    assert fetch(address, "SELECT current_database(), current_user") == [("curso", "alumno")]
    assert fetch(address, "SHOW server_version_num")[0][0].startswith(str(pg_version))
    assert created - began < 10, "crear y arrancar tarda menos de 1 s en una máquina normal"
    assert found - created < 1


def test_it_is_durable_checks_its_pages_and_sorts_the_same_everywhere(local_dir: Path, pg_version: int) -> None:
    address = start(local_dir, pg_version)
    names = ("fsync", "full_page_writes", "data_checksums", "server_encoding", "password_encryption", "timezone")
    values = [fetch(address, f"SHOW {name}")[0][0] for name in names]
    assert values == ["on", "on", "on", "UTF8", "scram-sha-256", "UTC"]
    assert fetch(address, "SELECT upper('ñandú')") == [("ÑANDÚ",)]
    words = "SELECT string_agg(w, ' ' ORDER BY w) FROM unnest(ARRAY['b','A','ñ','a','B','z']) w"
    assert fetch(address, words) == [("A B a b z ñ",)]


def test_it_listens_on_the_loopback_only_and_wants_the_password(local_dir: Path, pg_version: int) -> None:
    address = start(local_dir, pg_version)
    listening = {
        connection.laddr
        for connection in psutil.Process(server_pid(local_dir, pg_version)).net_connections(kind="all")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", address.port)}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=address.host, port=address.port, user="alumno", password="otra", dbname="curso")


def test_stopping_keeps_the_data_and_stopping_twice_is_harmless(local_dir: Path, pg_version: int) -> None:
    address = start(local_dir, pg_version)
    execute(address, "CREATE TABLE t AS SELECT 42 AS n")
    assert is_running(local_dir, pg_version)
    assert embedded.stop(local_dir, pg_version) is True
    assert not is_running(local_dir, pg_version)
    assert embedded.stop(local_dir, pg_version) is False
    again = start(local_dir, pg_version)
    assert again == address, "el puerto es el mismo mientras esté libre"
    assert fetch(again, "SELECT n FROM t") == [(42,)]


def test_a_killed_server_starts_again_with_what_was_committed(local_dir: Path, pg_version: int) -> None:
    address = start(local_dir, pg_version)
    execute(address, "CREATE TABLE t AS SELECT 42 AS n")
    kill(server_pid(local_dir, pg_version))
    assert fetch(start(local_dir, pg_version), "SELECT n FROM t") == [(42,)]


def test_a_pid_file_whose_number_belongs_to_another_program_is_no_obstacle(local_dir: Path) -> None:
    start(local_dir, USUAL)
    pid_file = local_dir / f"pg{USUAL}" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(int(lines[0]))
    lines[0] = str(os.getpid())
    pid_file.write_text("\n".join(lines) + "\n")
    assert not is_running(local_dir, USUAL)
    assert fetch(start(local_dir, USUAL), "SELECT 1") == [(1,)]


@pytest.mark.parametrize("content", ["", "no es un número\n"])
def test_a_pid_file_damaged_by_a_power_cut_is_no_obstacle(local_dir: Path, content: str) -> None:
    start(local_dir, USUAL)
    embedded.stop(local_dir, USUAL)
    (local_dir / f"pg{USUAL}" / "postmaster.pid").write_text(content)
    assert fetch(start(local_dir, USUAL), "SELECT 1") == [(1,)]


def test_plain_alembic_finds_the_own_server(local_dir: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DB_HOST"}
    environment |= {"PYTHONPATH": PYTHONPATH, "ETL_LOCAL_DIR": str(local_dir)}
    for command in (["app/wiring.py", "migrate"], ["-m", "alembic", "-c", "sql/alembic.ini", "current"]):
        done = subprocess.run(
            [sys.executable, *command],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
    assert "(head)" in done.stdout


def test_two_that_start_at_the_same_time_share_one_server(local_dir: Path, pg_version: int) -> None:
    command = [sys.executable, "-c", START, str(local_dir), str(pg_version)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "app")}
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(2)]
    ports = [process.communicate(timeout=60)[0] for process in both]
    assert ports[0] == ports[1] != b""


def test_the_server_outlives_who_started_it_even_when_interrupted(local_dir: Path) -> None:
    code = START + "\nsys.stdout.flush()\nimport time\ntime.sleep(60)\n"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "app")}
    command = [sys.executable, "-c", code, str(local_dir), str(USUAL)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        os.killpg(process.pid, signal.SIGINT)
    assert is_running(local_dir, USUAL)


@pytest.mark.parametrize("name", ["con espacios", "año_€", "x" * 120])
def test_the_path_of_the_project_may_be_anything(local_dir: Path, name: str) -> None:
    folder = local_dir / name
    try:
        assert fetch(start(folder, USUAL), "SELECT 1") == [(1,)]
    finally:
        assert embedded.stop(folder, USUAL)


def test_a_busy_port_is_avoided(local_dir: Path) -> None:
    first = start(local_dir, USUAL)
    embedded.stop(local_dir, USUAL)
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        busy.bind((first.host, first.port))
        busy.listen()
        second = start(local_dir, USUAL)
        assert second.port != first.port
        assert fetch(second, "SELECT 1") == [(1,)]


def test_a_creation_that_fails_leaves_nothing_half_made(local_dir: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=f"initdb de PostgreSQL {USUAL} falló"):
        start(local_dir, USUAL, user="pg_reservado")
    assert sorted(path.name for path in local_dir.iterdir()) == [f"pg{USUAL}.lock", f"pg{USUAL}.secreto"]
    start(local_dir, USUAL)


def test_only_who_made_the_server_can_read_the_secret_of_its_passwords(local_dir: Path) -> None:
    address = start(local_dir, USUAL)
    assert (local_dir / f"pg{USUAL}.secreto").stat().st_mode & 0o777 == 0o600
    for role in ("alumno", "etl_loader", "lector"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(replace(address, user=role, password="bigdata2026"))
    passwords = {address.password, address.loader_password, address.reader_password}
    assert len(passwords) == 3
    assert all(len(password) == 32 for password in passwords)


def test_a_server_made_with_the_public_password_changes_it_by_itself(local_dir: Path) -> None:
    before = start(local_dir, USUAL)
    execute(
        before,
        "CREATE ROLE etl_loader LOGIN PASSWORD 'bigdata2026'",
        "CREATE ROLE lector LOGIN PASSWORD 'lector2026'",
        "ALTER ROLE alumno PASSWORD 'bigdata2026'",
    )
    (local_dir / f"pg{USUAL}.secreto").unlink()
    after = start(local_dir, USUAL)
    assert after.password != before.password
    own = {"alumno": after.password, "etl_loader": after.loader_password, "lector": after.reader_password}
    for role, password in own.items():
        dbname = "curso" if role == "alumno" else "postgres"
        assert fetch(replace(after, user=role, password=password, dbname=dbname), "SELECT current_user") == [(role,)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(replace(after, user=role, password="bigdata2026", dbname="postgres"))


def test_a_password_that_nobody_knows_is_explained_and_not_shown(local_dir: Path) -> None:
    execute(start(local_dir, USUAL), "ALTER ROLE alumno PASSWORD 'otra'")
    with pytest.raises(DatabaseUnavailable) as caught:
        start(local_dir, USUAL, password="secreta-nueva")
    assert caught.value.hint == (
        "Si cambió DB_USER o DB_PASSWORD, ponga los de antes: esta base de datos se creó con ellos."
    )
    assert "secreta-nueva" not in str(caught.value)


def test_a_server_without_free_connections_says_so_and_asks_for_room(local_dir: Path, pg_version: int) -> None:
    limits = ("max_connections = 4", "superuser_reserved_connections = 1")
    execute(start(local_dir, pg_version), *(f"ALTER SYSTEM SET {limit}" for limit in limits))
    embedded.stop(local_dir, pg_version)
    address = start(local_dir, pg_version)
    with ExitStack() as others:
        for _ in range(4):
            others.enter_context(connect(address))
        with pytest.raises(DatabaseUnavailable, match="too many clients") as starting:
            start(local_dir, pg_version)
        with pytest.raises(DatabaseUnavailable, match="too many clients") as connecting:
            connection.connect(replace(settings_for(address), connect_seconds=0))
    for caught in (starting, connecting):
        hint = explain(caught.value.message)[0]
        assert hint.startswith("El servidor tiene ocupadas todas sus conexiones")
        assert "Cierre los programas que lo usan" in hint


# Lo que libpq lee por su cuenta, y este servidor no ofrece o no existe.
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PGSSLMODE", "require"),
        ("PGSSLMODE", "requerido"),
        ("PGSERVICE", "otro_curso"),
        ("PGCHANNELBINDING", "require"),
        ("PGREQUIREAUTH", "none"),
        ("PGTARGETSESSIONATTRS", "standby"),
        ("PGSSLNEGOTIATION", "direct"),
        ("PGTZ", "Marte"),
    ],
)
def test_a_variable_of_postgresql_left_in_the_environment_is_blamed(
    database: ServerAddress, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    # Con toda la paciencia: no se insiste en lo que no se arregla esperando.
    with pytest.raises(DatabaseUnavailable) as caught:
        connection.connect(replace(settings_for(database), connect_seconds=600))
    hint = explain(caught.value.message)[0]
    assert hint.startswith("Hay en el entorno una variable de PostgreSQL")
    assert "unset" in hint


def test_tls_wanted_from_the_own_server_is_blamed_on_the_variable(
    local_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(local_dir, USUAL)
    monkeypatch.setenv("PGSSLMODE", "require")
    with pytest.raises(DatabaseUnavailable, match="SSL was required") as caught:
        start(local_dir, USUAL)
    assert explain(caught.value.message)[0].endswith("Por ejemplo: unset PGSSLMODE")


def test_the_address_is_the_one_asked_for_whatever_pghostaddr_says(
    local_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.9")
    address = start(local_dir, USUAL)
    with connection.connect(settings_for(address)) as opened:
        assert opened.info.host == "127.0.0.1"


def test_psql_comes_in_to_look_and_its_password_is_not_among_its_arguments(local_dir: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "PG"))}
    environ |= {"ETL_LOCAL_DIR": str(local_dir), "PYTHONPATH": PYTHONPATH, "PAGER": ""}
    command = [sys.executable, "-m", "wiring", "db", "psql", "-At", "-c", "SELECT current_user"]
    show = ["-c", "\\! tr '\\0' ' ' < /proc/$PPID/cmdline"]
    seen = {}
    for who, option in (("lector", []), ("alumno", ["--owner"])):
        done = subprocess.run(
            [*command[:5], *option, *command[5:], *show], env=environ, capture_output=True, text=True, check=True
        )
        seen[who] = done.stdout
        assert done.stdout.startswith(f"{who}\n")
    address = start(local_dir, USUAL)
    assert all(address.password not in shown and address.reader_password not in shown for shown in seen.values())
    assert all("postgresql://" in shown for shown in seen.values())


def test_only_the_versions_in_the_package_are_offered(local_dir: Path) -> None:
    with pytest.raises(UsageError, match=" o ".join(map(str, PROGRAMS))):
        start(local_dir, 15)
    assert embedded.psql_path(18).exists()


@pytest.mark.skipif(not AS_ROOT, reason="solo root puede cerrar una carpeta al servidor")
def test_root_keeps_the_data_outside_when_the_server_cannot_enter_the_folder(local_dir: Path) -> None:
    private = local_dir / "root"
    private.mkdir(mode=0o700)
    data = None
    try:
        address = start(private / ".local", USUAL)
        data = (private / ".local" / f"pg{USUAL}").resolve()
        assert data.is_relative_to(account.OUTSIDE)
        assert fetch(address, "SELECT 1") == [(1,)]
        assert embedded.stop(private / ".local", USUAL)
        assert start(private / ".local", USUAL) == address
    finally:
        embedded.stop(private / ".local", USUAL)
        if data is not None:
            shutil.rmtree(data.parent)
    assert private.stat().st_mode & 0o777 == 0o700, "no se abre a nadie la carpeta de otro"


@pytest.fixture
def ordinary_user() -> Iterator[str]:
    """Una cuenta corriente, creada para la prueba."""
    if not AS_ROOT or shutil.which("useradd") is None:
        pytest.skip("la prueba entera ya corre con un usuario corriente")
    name = f"etlprueba{os.getpid()}"
    subprocess.run(["useradd", "--no-create-home", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", name], check=True)


def run_as(user: str, local_dir: Path, version: int) -> subprocess.CompletedProcess[str]:
    """Arranca el servidor en otro proceso y con otra cuenta, con un Python que ella pueda ejecutar."""
    interpreter = "/usr/bin/python3" if Path(sys.executable).resolve().is_relative_to("/root") else sys.executable
    path = os.pathsep.join([str(ROOT / "app"), str(Path(psycopg.__file__).parents[1])])
    return subprocess.run(
        [interpreter, "-c", START, str(local_dir), str(version)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        user=user,
        group=user,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_ordinary_user_owns_its_server_and_root_may_use_it(
    ordinary_user: str, local_dir: Path, pg_version: int
) -> None:
    shutil.chown(local_dir, ordinary_user, ordinary_user)
    done = run_as(ordinary_user, local_dir, pg_version)
    assert done.returncode == 0, done.stderr
    assert (local_dir / f"pg{pg_version}").owner() == ordinary_user
    assert psutil.Process(server_pid(local_dir, pg_version)).username() == ordinary_user
    assert start(local_dir, pg_version).port == int(done.stdout)
    assert embedded.stop(local_dir, pg_version)
    # Root lo arranca con la cuenta del dueño, y así este puede volver a usarlo.
    start(local_dir, pg_version)
    assert psutil.Process(server_pid(local_dir, pg_version)).username() == ordinary_user
    assert run_as(ordinary_user, local_dir, pg_version).returncode == 0


def test_a_server_of_root_is_refused_to_others_with_an_explanation(local_dir: Path, ordinary_user: str) -> None:
    start(local_dir, USUAL)
    done = run_as(ordinary_user, local_dir, USUAL)
    assert done.returncode != 0
    assert "es de otro usuario" in done.stderr
