"""Los números del informe salen de la base de datos, cuadran con ella y no dependen de permisos de más."""

from dataclasses import replace
from pathlib import Path

import pytest

from etl import declarations
from etl.database.connection import LOADER, connect
from etl.errors import UsageError
from etl.settings import Settings
from extras.catalog.tables import reading
from extras.quarantine.export import export_rejects
from extras.report import write as report
from extras.report.figures import read_figures, read_profiles
from extras.report.page import render
from own_rows import run_with

CLIENTS = """cliente_id,nif,nombre,email,provincia,codigo_postal,fecha_alta,fecha_nacimiento
1,12345678Z,Ana,,Madrid,28001,2024-01-01,
2,mal,Luis,,Madrid,28001,2024-01-01,
3,peor,Eva,,Madrid,28001,2024-01-01,
1,12345678Z,Ana,,Madrid,28001,2024-01-01,
"""


def load(settings: Settings) -> None:
    run_with(settings, declarations.load())


@pytest.fixture
def loaded(settings: Settings) -> Settings:
    (settings.datos_dir / "clientes.csv").write_text(CLIENTS, encoding="utf-8")
    (settings.datos_dir / "desconocido.bin").write_bytes(b"\x00\x01")
    load(settings)
    return settings


def test_the_figures_are_those_of_the_ledger(loaded: Settings) -> None:
    with connect(loaded, role=LOADER) as connection:
        figures = read_figures(connection, loaded.sql_dir / "marts")
    [quality] = figures.qualities
    assert (quality.rows_read, quality.rows_loaded, quality.rows_duplicate, quality.rows_rejected) == (4, 1, 1, 2)
    clients = next(one for one in figures.files if one.file == "clientes.csv")
    assert (clients.status, clients.seconds > 0) == ("loaded", True)
    assert [(one.column_name, one.code, one.total, one.line) for one in figures.examples] == [
        ("nif", "pattern", 2, 3),
        ("nif", "pattern", 2, 4),
    ]


def test_a_file_mended_later_shows_only_its_last_fate(loaded: Settings) -> None:
    (loaded.datos_dir / "clientes.csv").write_text(CLIENTS.replace("mal", "87654321X"), encoding="utf-8")
    load(loaded)
    with connect(loaded, role=LOADER) as connection:
        figures = read_figures(connection, loaded.sql_dir / "marts")
    assert [one.rows_rejected for one in figures.files if one.file == "clientes.csv"] == [1]
    assert [one.rows_rejected for one in figures.qualities] == [1]
    assert [one.status for one in figures.loads] == ["replaced", "loaded"]


def test_a_row_mended_in_the_quarantine_is_no_longer_rejected(loaded: Settings) -> None:
    """Se carga la cuarentena corregida: el total de rechazadas baja, y la corregida se cuenta aparte."""
    path = loaded.datos_dir / "clientes_corregir.csv"
    assert export_rejects(loaded, "clientes", path, declarations.load()) == 2
    path.write_text(path.read_text(encoding="utf-8").replace(",mal,", ",87654321X,", 1), encoding="utf-8")
    run_with(loaded, declarations.load(), path)
    with reading(loaded) as connection:
        figures = read_figures(connection, loaded.sql_dir / "marts")
    [quality] = figures.qualities
    assert (quality.rows_read, quality.rows_loaded, quality.rows_duplicate) == (4, 2, 1)
    assert (quality.rows_rejected, quality.rows_repaired) == (1, 1)
    assert [(one.rows_loaded, one.rows_rejected) for one in figures.files if one.file == "clientes.csv"] == [(2, 1)]
    assert "4 leídas = 2 cargadas + 1 duplicadas + 1 rechazadas" in render(figures)


def test_what_changed_is_what_the_last_run_did(loaded: Settings) -> None:
    """La segunda ejecución: una versión nueva de un archivo, uno nuevo y uno que no vale. La tercera no carga nada."""
    extra = "3,12345678Z,Eva,,Madrid,28001,2024-01-01,\n"
    (loaded.datos_dir / "clientes.csv").write_text(CLIENTS.replace("Ana", "Ada") + extra, encoding="utf-8")
    (loaded.datos_dir / "clientes_2.csv").write_text(CLIENTS.splitlines()[0] + "\n" + extra.replace("3,", "4,", 1))
    (loaded.datos_dir / "clientes_3.csv").write_text("")
    for _ in range(2):
        load(loaded)
        with reading(loaded) as connection:
            changes = read_figures(connection, loaded.sql_dir / "marts").changes
        told = {one.table_name: (one.files_new, one.files_again, one.files_outside) for one in changes}
        assert told["datos.clientes"] == (1, 1, 1)


def test_each_table_comes_with_what_is_said_of_it_and_its_values(loaded: Settings) -> None:
    with connect(loaded, role=LOADER) as connection:
        wide = ", ".join(f"c{number} int" for number in range(150))
        connection.execute(f"CREATE TABLE staging.ancha ({wide})")  # type: ignore[arg-type]
        connection.execute("CREATE VIEW staging.rota AS SELECT 1 / (random() * 0)::int AS n")
    with reading(loaded) as connection:
        tables = {table.full_name: (table, its) for table, its in read_profiles(connection)}
    clients, its = tables["datos.clientes"]
    assert clients.comment == "Clientes con tarjeta de la tienda. Grano: una fila por cliente."
    assert (its.rows, its.columns[0].maximum) == (1, "1")
    assert [len(one.columns) for one in tables["staging.ancha"]] == [150, 100]
    assert not tables.keys() & {"marts.ventas_diarias", "staging.rota"}


def test_the_reader_can_write_it(loaded: Settings, tmp_path: Path) -> None:
    reader = replace(loaded, db_user="lector", db_password=loaded.reader_password)
    assert report.write(reader, tmp_path / "otro.html").exists()


def test_it_is_written_where_the_outputs_go(loaded: Settings) -> None:
    path = report.write(loaded)
    assert path == loaded.datos_dir / "salida" / "informe.html"
    assert "clientes.csv" in path.read_text(encoding="utf-8")


def test_the_loader_role_is_enough(loaded: Settings, tmp_path: Path) -> None:
    narrow = replace(loaded, db_user=LOADER, db_password=loaded.loader_password)
    assert report.write(narrow, tmp_path / "otro.html").exists()


def test_a_place_where_it_cannot_be_written_is_explained(loaded: Settings, tmp_path: Path) -> None:
    (tmp_path / "ocupado").write_text("")
    with pytest.raises(UsageError, match="No se puede escribir"):
        report.write(loaded, tmp_path / "ocupado" / "informe.html")
