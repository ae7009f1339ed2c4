"""El servidor: se cae, vuelve a arrancar, se queda sin disco o lo migran en mitad de una carga."""

import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from psycopg import sql

from disk import remount, small_disk
from etl.database import migrate
from etl.errors import DatabaseUnavailable
from etl.settings import Settings
from extras.embedded import account, programs
from loader import (
    LOADED,
    Loading,
    Reader,
    check_invariants,
    content,
    etl,
    finish,
    loader,
    prepare,
    statuses,
    wait_for_copy,
)
from support import ServerAddress, administer, connect_settings, fetch, settings_for

pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Machine:
    """El servidor de las pruebas, visto desde fuera: se para y se arranca en el mismo puerto."""

    version: int
    port: int
    data: Path

    def pg_ctl(self, action: str, *options: str) -> None:
        who = account.for_data(self.data)
        programs.run(
            self.version, who, self.data, "pg_ctl", action, "-w", "-D", str(self.data), "-l",
            str(self.data / "servidor.log"), *options,
        )  # fmt: skip

    def crash(self) -> None:
        self.pg_ctl("stop", "-m", "immediate")

    def start(self) -> None:
        self.pg_ctl("start", "-o", f"-p {self.port}")


@pytest.fixture
def machine(database: ServerAddress) -> Iterator[Machine]:
    number, folder = fetch(database, "SELECT current_setting('server_version_num'), current_setting('data_directory')")[
        0
    ]
    found = Machine(int(number) // 10_000, database.port, Path(folder))
    yield found
    if not (found.data / "postmaster.pid").exists():
        found.start()


@contextmanager
def caught_copying(settings: Settings, **changes: str) -> Iterator[Loading]:
    """Una carga sorprendida con filas camino de la tabla, y alguien que consulta sin parar."""
    with Reader(settings) as reader, loader(settings, **changes) as loading:
        running = loading.start()
        wait_for_copy(settings)
        yield running
    assert {count for count, *_ in reader.seen} <= {0, LOADED}


def test_4_a_server_that_crashes_and_comes_back_costs_nothing(settings: Settings, machine: Machine) -> None:
    prepare(settings)
    with caught_copying(settings) as running:
        machine.crash()
        machine.start()
        assert running.exit_code() == 0
    check_invariants(settings)
    assert (statuses(settings), content(settings)[0]) == (["loaded"], LOADED)
    finish(settings)


def test_5_a_server_that_does_not_come_back_is_given_up_in_time(
    settings: Settings, machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(settings)
    capfd.readouterr()
    with caught_copying(settings, DB_CONNECT_SECONDS="2") as running:
        machine.crash()
        assert running.exit_code() == 4
        machine.start()
    said = capfd.readouterr().err
    assert "No se puede usar PostgreSQL" in said
    assert "Traceback" not in said
    check_invariants(settings)
    assert (statuses(settings), content(settings)[0]) == ([], 0)
    finish(settings)


def test_5_a_server_that_starts_late_is_waited_for(settings: Settings, machine: Machine) -> None:
    prepare(settings)
    machine.crash()
    threading.Timer(1.5, machine.start).start()
    done = etl(settings, "run", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert statuses(settings) == ["loaded"]
    finish(settings)


# --- El disco --------------------------------------------------------------------------------


@contextmanager
def database_on(disk: Path, database: ServerAddress) -> Iterator[None]:
    """La base de la prueba, mudada a ese disco y devuelta al acabar."""
    name = sql.Identifier(database.dbname)
    administer(
        database,
        sql.SQL("CREATE TABLESPACE lleno LOCATION {}").format(sql.Literal(str(disk))),
        sql.SQL("ALTER DATABASE {} SET TABLESPACE lleno").format(name),
    )
    try:
        yield
    finally:
        administer(
            database,
            sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(name),
            sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(
                sql.Literal(database.dbname)
            ),
            sql.SQL("ALTER DATABASE {} SET TABLESPACE pg_default").format(name),
            sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(name),
            "DROP TABLESPACE lleno",
        )


def test_9_a_full_database_disk_is_one_clear_error(
    settings: Settings, database: ServerAddress, machine: Machine
) -> None:
    prepare(settings)
    size = fetch(database, "SELECT pg_database_size(current_database())")[0][0]
    # Junto a los datos del servidor: es donde seguro que su cuenta puede entrar.
    place = machine.data.with_name("disco_lleno")
    with small_disk(place, size + (1 << 20), account.for_data(machine.data)) as disk, database_on(disk, database):
        with Reader(settings) as reader:
            done = etl(settings, "run", "--quiet")
        assert done.returncode == 3
        assert "El disco de la base de datos está lleno." in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
        assert {count for count, *_ in reader.seen} <= {0}
        check_invariants(settings)
        assert (statuses(settings), content(settings)[0]) == (["failed"], 0)
        remount(disk, f"size={size + (200 << 20)}")
        finish(settings)
    place.rmdir()


# --- Las migraciones -------------------------------------------------------------------------


def with_new_column(settings: Settings, folder: Path) -> Settings:
    """El mismo proyecto con una migración más, que cambia la tabla de ventas."""
    shutil.copytree(settings.sql_dir, folder)
    (folder / "migrations" / "versions" / "0003_notas.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision, down_revision = '0003', '0002'\n\n\n"
        "def upgrade():\n    op.add_column('ventas', sa.Column('notas', sa.Text()), schema='datos')\n"
    )
    return replace(settings, sql_dir=folder)


def test_14_a_migration_during_a_load_waits_a_little_and_gives_up_without_changing_anything(
    settings: Settings, tmp_path: Path
) -> None:
    prepare(settings)
    newer = replace(with_new_column(settings, tmp_path / "sql"), lock_seconds=0.5)
    with connect_settings(settings) as loading, loading.transaction():
        loading.execute("LOCK TABLE datos.ventas IN ROW EXCLUSIVE MODE")  # lo que hace COPY
        with pytest.raises(DatabaseUnavailable, match="otra sesión está usando una de las tablas"):
            migrate.migrate(newer)
    with connect_settings(settings) as connection:
        assert migrate.version(connection) == "0002"
    finish(settings)
    assert migrate.migrate(newer) == "0003"


def test_14_a_load_and_a_migration_at_once_both_end_well(settings: Settings, tmp_path: Path) -> None:
    prepare(settings)
    newer = with_new_column(settings, tmp_path / "sql")
    with caught_copying(settings) as running:
        assert migrate.migrate(newer) == "0003"
        assert running.exit_code() == 0
    check_invariants(settings)
    assert (statuses(settings), content(settings)[0]) == (["loaded"], LOADED)


def test_14_a_load_during_a_migration_says_who_has_the_table(settings: Settings) -> None:
    prepare(settings)
    with connect_settings(settings) as migrating, migrating.transaction():
        migrating.execute("ALTER TABLE datos.ventas ADD COLUMN notas text")
        done = etl(settings, "run", "--quiet", DB_LOCK_SECONDS="1")
    assert done.returncode == 3
    assert "La tabla está bloqueada por otra sesión." in " ".join(done.stderr.split())
    check_invariants(settings)
    assert statuses(settings) == ["failed"]
    finish(settings)


def test_14_of_two_migrations_the_second_waits_and_says_so_if_it_is_too_long(settings: Settings) -> None:
    with connect_settings(settings) as other:
        other.execute(migrate.LOCK)
        done = etl(settings, "migrate", DB_LOCK_SECONDS="1")
    assert done.returncode == 4
    assert done.stderr.splitlines()[0] == "Error: Otra migración está en marcha."


def test_14_two_migrations_of_a_new_database_at_once_are_one(server: ServerAddress, sql_dir: Path) -> None:
    name = f"prueba_doble_{os.getpid()}"
    administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        settings = replace(settings_for(server), db_name=name, sql_dir=sql_dir)
        with ThreadPoolExecutor() as both:
            done = list(both.map(lambda _: etl(settings, "migrate"), range(2)))
        assert [(one.returncode, one.stdout, one.stderr) for one in done] == [
            (0, "Base de datos en la versión 0002.\n", "")
        ] * 2
        with connect_settings(settings) as connection:
            assert migrate.version(connection) == "0002"
    finally:
        administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
