"""Las migraciones del proyecto crean las tablas que declara, y se deshacen y se rehacen."""

import subprocess
import sys
from typing import Any

from etl.database import migrate
from etl.settings import Settings
from own_rows import query
from project.command import environment
from support import connect_settings

TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('datos', 'etl') ORDER BY 1"
# Las tablas declaradas, creadas sin migraciones.
CREATE = """
import sqlalchemy as sa
from etl.database.connection import OWNER, connect
from etl.dataset import Dataset
from etl.declarations import import_declared
from etl.settings import load_settings
import_declared()
settings = load_settings()
Dataset.metadata.create_all(sa.create_engine("postgresql+psycopg://", creator=lambda: connect(settings, role=OWNER)))
"""


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Un programa de Python con lo que declara el proyecto."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def alembic(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(settings, "-m", "alembic", "-c", str(settings.sql_dir / "alembic.ini"), *arguments)


def shape(settings: Settings) -> list[list[Any]]:
    """Las columnas y las restricciones de las tablas declaradas, como las cuenta PostgreSQL."""
    return [
        query(
            settings,
            "SELECT table_name, column_name, data_type, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema = 'datos' ORDER BY 1, ordinal_position",
        ),
        query(
            settings,
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype <> 't' AND connamespace = 'datos'::regnamespace ORDER BY 1, 2",
        ),
    ]


def test_the_declarations_and_the_migrations_do_not_drift_apart(settings: Settings) -> None:
    done = alembic(settings, "check")
    assert (done.returncode, done.stdout.strip()) == (0, "No new upgrade operations detected."), done.stderr


def test_the_rules_of_the_migrations_are_those_of_the_declarations(settings: Settings) -> None:
    """Alembic no compara los CHECK: se comparan con los de unas tablas creadas sin migraciones."""
    migrated = shape(settings)
    with connect_settings(settings) as connection:
        connection.execute("DROP SCHEMA datos CASCADE")
        connection.execute((settings.sql_dir / "init.sql").read_bytes())
    done = run(settings, "-c", CREATE)
    assert done.returncode == 0, done.stderr
    assert shape(settings) == migrated


def test_everything_can_be_undone_and_done_again(settings: Settings) -> None:
    tables, before = query(settings, TABLES), shape(settings)
    assert alembic(settings, "downgrade", "base").returncode == 0
    assert query(settings, TABLES) == ["etl.alembic_version"]
    migrate.migrate(settings)
    assert query(settings, TABLES) == tables
    assert shape(settings) == before
