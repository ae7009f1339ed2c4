"""Archivos y vecinos con mala intención: lo que no debe llegar al terminal, ni escribirse donde no toca."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from etl.database.migrate import migrate
from etl.errors import UsageError
from etl.reader import UNSEEN
from etl.settings import Settings
from extras.output import new_file
from loader import environment, etl
from own_rows import query, run_with, write
from support import connect_settings

pytestmark = pytest.mark.any_server

# ESC, OSC, C1, una marca de sentido de lectura y un espacio que no se ve.
ORDERS = "\x1b]0;otra ventana\x07\x1b[2J\x9b31m\u202e\u200b"


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["text", "json"])
def test_what_a_file_says_never_commands_the_terminal(settings: Settings, arguments: tuple[str, ...]) -> None:
    write(settings, f"a{ORDERS.replace('/', '')}.csv", f"id,fecha{ORDERS},n\n1,2024-01-05,3\n2,2024-02-31,{ORDERS}\n")
    path = write(settings, "clientes.csv", f"cliente_id{ORDERS};x\n1;2\n")
    for command in (("run", *arguments), ("status",), ("rejects",), ("inspect", str(path), *arguments)):
        done = etl(settings, *command)
        assert done.returncode in (0, 3), done.stderr
        said = (done.stdout + done.stderr).replace("\n", "")
        assert not UNSEEN.search(said), ascii(UNSEEN.search(said))


def test_an_order_prints_what_fits_where_not_everything_does(settings: Settings) -> None:
    write(settings, "datos.csv", "id,año\n1,2024\n")
    done = subprocess.run(
        [sys.executable, "-m", "wiring", "run"],
        env=environment(settings, PYTHONUTF8="0", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert query(settings, "SELECT anio FROM staging.datos") == [2024]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "ajeno.txt"
    target.write_text("mío")
    (tmp_path / ".informe.html.parcial").symlink_to(target)
    with new_file(tmp_path / "informe.html", "Otra vez.") as file:
        file.write(b"un informe")
    assert (target.read_text(), (tmp_path / "informe.html").read_bytes()) == ("mío", b"un informe")
    assert not (tmp_path / "informe.html").is_symlink()


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "carpeta").mkdir()
    with pytest.raises(UsageError, match="es una carpeta"), new_file(tmp_path / "carpeta", "Otro nombre."):
        pass


@pytest.mark.parametrize("cell", ["=1+1", "\n=1+1", " \r\n@x", "'=1"])
def test_a_formula_is_text_in_what_is_exported_and_comes_back_as_it_was(settings: Settings, cell: str) -> None:
    write(settings, "notas.csv", f'id,fecha,texto\n1,2024-01-05,a\n2,2024-02-31,"{cell}"\n'.encode())
    run_with(settings, [])
    exported = settings.datos_dir / "corregir.csv"
    assert etl(settings, "rejects", "notas", "--csv", str(exported)).returncode == 0
    text = exported.read_bytes().decode("utf-8-sig")
    assert f"'{cell}" in text
    exported.write_bytes(text.replace("2024-02-31", "2024-02-28", 1).encode())
    assert etl(settings, "run", str(exported)).returncode == 0
    assert query(settings, "SELECT texto FROM staging.notas WHERE id = 2") == [cell]


# --- Los papeles de la base de datos ---------------------------------------------------------


@pytest.mark.parametrize(
    "order",
    [
        "CREATE TABLE datos.mia (a int)",
        "INSERT INTO datos.clientes (cliente_id) VALUES (1)",
        "DELETE FROM etl.loads",
        "CREATE TEMP TABLE mia (a int)",
        "SELECT lo_create(0)",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock(1)",
    ],
)
def test_the_reader_can_do_nothing_even_if_it_stops_being_read_only(settings: Settings, order: str) -> None:
    migrate(settings)
    reader = replace(settings, db_user="lector", db_password=settings.reader_password)
    with connect_settings(reader) as connection:
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(order)


@pytest.mark.parametrize("table", ["alembic_version", "migrations"])
def test_the_loader_cannot_touch_what_says_how_the_tables_are(settings: Settings, table: str) -> None:
    migrate(settings)
    loader = replace(settings, db_user="etl_loader", db_password=settings.loader_password)
    with connect_settings(loader) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"DELETE FROM etl.{table}")


def test_no_password_is_written_in_the_log_of_the_server(settings: Settings) -> None:
    """Lo que se manda al servidor es el verificador SCRAM: aunque anote las sentencias, la contraseña no está."""
    sent: list[str] = []
    with connect_settings(settings) as connection:
        connection.execute("SET log_statement = 'all'")
        connection.execute("SET client_min_messages = 'log'")
        connection.add_notice_handler(lambda notice: sent.append(notice.message_primary or ""))
        from etl.database.migrate import set_password

        set_password(connection, "lector", "muy-secreta-2026")
    assert any("ALTER ROLE" in told and "SCRAM-SHA-256$" in told for told in sent)
    assert not any("muy-secreta-2026" in told for told in sent)
    migrate(settings)
