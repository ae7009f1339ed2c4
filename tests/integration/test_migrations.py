"""Las tablas son las que dicen las declaraciones, se deshacen y se rehacen, y cada papel puede lo suyo."""

import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any, cast

import psycopg
import pytest
import sqlalchemy as sa

import registry
from declared.clientes import Cliente
from declared.productos import Producto
from declared.tiendas import Tienda
from declared.ventas import Venta
from etl.database import migrate
from etl.database.connection import OWNER, connect
from etl.dataset import Dataset
from etl.errors import DatabaseUnavailable, UsageError
from etl.settings import Settings
from loader import environment, etl
from own_rows import load, query, write_parents
from support import connect_settings

TABLES = (
    "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('datos', 'etl', 'staging', 'marts')"
    " ORDER BY 1"
)
PREPARED = [
    "datos.clientes", "datos.productos", "datos.tiendas", "datos.ventas",
    "etl.alembic_version", "etl.borrowed", "etl.grains", "etl.loads", "etl.marts", "etl.migrations", "etl.rejects",
    "etl.touched",
]  # fmt: skip


def alembic(settings: Settings, *arguments: str) -> CompletedProcess[str]:
    """La orden de Alembic, en su proceso: las declaraciones de otras pruebas no están en él."""
    return run(
        [sys.executable, "-m", "alembic", "-c", str(settings.sql_dir / "alembic.ini"), *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_declarations_and_the_database_do_not_drift_apart(settings: Settings) -> None:
    done = alembic(settings, "check")
    assert (done.returncode, done.stdout.strip()) == (0, "No new upgrade operations detected."), done.stderr


def test_a_drift_would_be_noticed(settings: Settings) -> None:
    with connect_settings(settings) as connection:
        connection.execute("ALTER TABLE datos.ventas DROP COLUMN canal")
    done = alembic(settings, "check")
    assert done.returncode != 0
    assert "canal" in done.stdout


def shape(settings: Settings) -> list[list[Any]]:
    """Las columnas, las restricciones y los índices de las tablas, como los cuenta PostgreSQL."""
    return [
        query(
            settings,
            "SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema IN ('datos', 'etl')"
            " ORDER BY 1, 2, ordinal_position",
        ),
        query(
            settings,
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype <> 't' AND connamespace IN ('datos'::regnamespace, 'etl'::regnamespace) ORDER BY 1, 2",
        ),
        query(settings, "SELECT indexdef FROM pg_indexes WHERE schemaname IN ('datos', 'etl') ORDER BY 1"),
    ]


def test_everything_can_be_undone_and_done_again(settings: Settings) -> None:
    assert query(settings, TABLES) == PREPARED
    before = shape(settings)
    assert alembic(settings, "downgrade", "0001").returncode == 0
    assert query(settings, TABLES) == [
        "etl.alembic_version",
        "etl.borrowed",
        "etl.grains",
        "etl.loads",
        "etl.marts",
        "etl.migrations",
        "etl.rejects",
        "etl.touched",
    ]
    assert migrate.migrate(settings) == "0002"
    assert query(settings, TABLES) == PREPARED
    assert shape(settings) == before


def test_the_rules_of_the_migrations_are_those_of_the_declarations(settings: Settings) -> None:
    """Alembic no compara los CHECK: se comparan con los de unas tablas creadas sin migraciones."""
    migrated = shape(settings)
    tables = ", ".join(table for table in PREPARED if table != "etl.alembic_version")
    with connect_settings(settings) as connection:
        connection.execute(f"DROP TABLE {tables}")
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: connect(settings, role=OWNER))
    # Solo estas: hay pruebas que declaran otras.
    declared = [cast(sa.Table, dataset.__table__) for dataset in (Cliente, Producto, Tienda, Venta)]
    Dataset.metadata.create_all(engine, declared)
    registry.metadata.create_all(engine)
    engine.dispose()
    assert shape(settings) == migrated


def test_migrating_again_changes_nothing_and_keeps_the_rows(settings: Settings) -> None:
    write_parents(settings)
    load(settings)
    assert migrate.migrate(settings) == "0002"
    assert query(settings, "SELECT count(*) FROM datos.productos") == [1]


def test_the_copy_that_somebody_made_of_a_table_is_left_alone(settings: Settings) -> None:
    with connect_settings(settings) as connection:
        connection.execute("CREATE TABLE datos.copia AS SELECT * FROM datos.productos")
    assert migrate.migrate(settings) == "0002"
    assert query(settings, "SELECT tgname FROM pg_trigger WHERE tgrelid = 'datos.copia'::regclass") == []


def test_what_an_editor_leaves_among_the_migrations_is_not_one(settings: Settings, tmp_path: Path) -> None:
    own = replace(settings, sql_dir=tmp_path / "sql")
    shutil.copytree(settings.sql_dir, own.sql_dir)
    (migrate.versions_folder(own) / "__init__.py").touch()
    asked: list[object] = []
    migrate.ensure_ready(own, lambda *given: asked.append(given))
    assert asked == []
    (migrate.versions_folder(own) / "0003_otra.py").touch()
    with pytest.raises(UsageError):
        migrate.ensure_ready(own, lambda *given: asked.append(given))
    assert len(asked) > 0


def forget_everything(settings: Settings) -> None:
    """Como si la base de datos no se hubiera preparado nunca."""
    with connect_settings(settings) as connection:
        connection.execute("DROP SCHEMA datos, etl CASCADE")


def test_a_run_on_a_new_database_prepares_it(settings: Settings) -> None:
    forget_everything(settings)
    write_parents(settings)
    assert etl(settings, "run", "--quiet").returncode == 0
    assert query(settings, "SELECT count(*) FROM datos.productos") == [1]


# --- Los papeles -----------------------------------------------------------------------------


def as_role(settings: Settings, role: str) -> Callable[[str], None]:
    """Ejecuta una sentencia como lo haría ese usuario."""

    def execute(statement: str) -> None:
        with connect_settings(settings, autocommit=False) as connection:
            connection.execute(f"SET ROLE {role}")
            connection.execute(statement)
            connection.rollback()

    return execute


ROW = "INSERT INTO datos.tiendas VALUES (1, 'Centro', 'Cuenca', 'Cuenca', 10, '2020-01-01', 40, -2, 1, 1)"


@pytest.mark.parametrize(
    "statement",
    [
        ROW,
        "UPDATE datos.tiendas SET nombre = 'x'",
        "DELETE FROM datos.ventas",
        "SELECT FROM datos.ventas, etl.loads, etl.rejects",
        "CREATE TABLE staging.suelta (a int)",
        "CREATE TABLE marts.resumen AS SELECT 1 AS a",
        "CREATE TEMP TABLE t (a int)",
    ],
)
def test_the_loader_can_do_its_work(settings: Settings, statement: str) -> None:
    as_role(settings, "etl_loader")(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE datos.ventas",
        "ALTER TABLE datos.ventas ADD COLUMN x int",
        "TRUNCATE datos.ventas",
        "CREATE TABLE datos.otra (a int)",
        "CREATE TABLE public.otra (a int)",
        "CREATE SCHEMA otro",
        "CREATE ROLE otro",
        "COPY datos.ventas FROM '/etc/passwd'",
        "COPY datos.ventas TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
        "SET ROLE alumno",
    ],
)
def test_the_loader_can_do_nothing_else(settings: Settings, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_login(settings, "etl_loader", settings.loader_password, statement)


def as_login(settings: Settings, user: str, password: str, statement: str) -> None:
    """Ejecuta una sentencia entrando con ese usuario: `SET ROLE` no impediría volver a ser el de antes."""
    migrate.migrate(settings)  # pone las contraseñas, que son de todo el servidor
    with connect_settings(replace(settings, db_user=user, db_password=password)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement", [ROW, "DELETE FROM datos.ventas", "CREATE TABLE staging.x (a int)", "CREATE TEMP TABLE t (a int)"]
)
def test_the_reader_only_reads(settings: Settings, statement: str) -> None:
    read = "SELECT count(*) FROM datos.ventas, etl.loads, etl.rejects"
    as_login(settings, "lector", settings.reader_password, read)
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
        as_login(settings, "lector", settings.reader_password, statement)


def test_the_reader_sees_what_is_created_later(settings: Settings) -> None:
    as_login(settings, "etl_loader", settings.loader_password, "CREATE TABLE staging.nueva (a int)")
    as_login(settings, "lector", settings.reader_password, "SELECT FROM staging.nueva")


def test_the_database_itself_refuses_what_the_rules_forbid(settings: Settings) -> None:
    write_parents(settings)
    load(settings)
    values = "1, '2025-01-31', NULL, 1, 1, {}, 1.20, 0, '{}', 1, 1"
    for cantidad, canal, constraint in ((0, "web", "ck_ventas_cantidad_1"), (1, "fax", "ck_ventas_canal")):
        with pytest.raises(psycopg.errors.CheckViolation) as caught, connect_settings(settings) as connection:
            connection.execute(f"INSERT INTO datos.ventas VALUES ({values.format(cantidad, canal)})")
        assert caught.value.diag.constraint_name == constraint


def test_a_user_who_may_not_prepare_the_database_is_told_who_can(settings: Settings) -> None:
    forget_everything(settings)
    loader = replace(settings, db_user="etl_loader", db_password=settings.loader_password)
    for prepare in (migrate.ensure_ready, migrate.migrate):
        with pytest.raises(DatabaseUnavailable, match="no está preparada") as caught:
            prepare(loader)
        assert "etl migrate" in caught.value.hint


def test_who_loads_waits_for_who_migrates_where_nothing_starts_in_order(settings: Settings) -> None:
    forget_everything(settings)
    loader = replace(settings, db_user="etl_loader", db_password=settings.loader_password, migration_seconds=120)
    with connect_settings(settings) as connection:
        connection.execute("ALTER ROLE etl_loader PASSWORD 'otra'")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(migrate.ensure_ready, loader)
        # Ni la contraseña que aún no vale ni las tablas que aún no están lo hacen fallar.
        assert not wait([waiting], timeout=1).done
        migrate.migrate(settings)
        waiting.result(timeout=120)
