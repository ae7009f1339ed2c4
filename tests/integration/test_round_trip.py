"""La cuarentena, ida y vuelta: se saca a un CSV, se corrige, se carga y la tabla queda completa."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from declared.clientes import Cliente
from etl.dataset import declared
from etl.run import FileResult
from etl.settings import Settings
from extras.quarantine.export import export_rejects
from own_rows import CLIENTES, cliente, clientes, load_one, query, run_with
from support import connect_settings

pytestmark = pytest.mark.any_server

# Cómo se corrige cada fila: recibe sus celdas por columna y devuelve las que cambian.
Correction = Callable[[dict[str, str]], dict[str, str]]

PEDIDOS = (
    "Pedido;Día;Importe;Nota\n"
    "1;31/01/2025;1.234,50;bien\n"
    "2;31/02/2025;7,25;=peligro\n"
    '3;28/02/2025;8,00;"sin cerrar\n'
    "4;27/02/2025;9,00\n"
    "5;26/02/2025;10,00;bien\n"
)
FIXED = {
    "2": {"dia": "28/02/2025"},
    "3": {"pedido": "3", "dia": "28/02/2025", "importe": "8,00", "nota": "ya cerrada"},
    "4": {"pedido": "4", "dia": "27/02/2025", "importe": "9,005", "nota": ""},
}


def correct(settings: Settings, table: str, name: str, fix: Correction, delimiter: str | None = None) -> Path:
    """Lo que hace una persona: sacar la cuarentena, abrirla, corregir las celdas y guardarla en datos/."""
    path = settings.datos_dir / name
    export_rejects(settings, table, path, [declared(Cliente)])
    return edit(path, fix, delimiter)


def edit(path: Path, fix: Correction, delimiter: str | None = None) -> Path:
    text = path.read_text(encoding="utf-8-sig")
    written = ";" if ";_archivo;" in text else ","
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=written))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter or written)
        writer.writeheader()
        writer.writerows(row | fix(row) for row in rows)
    return path


def load_path(settings: Settings, path: Path) -> FileResult:
    [result] = run_with(settings, [declared(Cliente)], path).files
    return result


def by_number(row: dict[str, str]) -> dict[str, str]:
    return FIXED[row["_fila"][0]]


def test_a_corrected_row_completes_a_declared_table(settings: Settings) -> None:
    bad = cliente(2, "Íñigo", fecha_alta="2024-02-30"), cliente(3, "=1+1", codigo_postal="160")
    load_one(settings, "clientes.csv", CLIENTES, cliente(1, "Begoña"), *bad)
    assert clientes(settings) == [(1, "Begoña")]
    path = correct(
        settings,
        "clientes",
        "clientes_corregir.csv",
        lambda row: {"fecha_alta": "2024-02-29"} if row["cliente_id"] == "2" else {"codigo_postal": "16003"},
    )
    assert load_path(settings, path).counts.loaded == 2
    assert clientes(settings) == [(1, "Begoña"), (2, "Íñigo"), (3, "=1+1")]
    assert load_path(settings, path).status == "skipped"


def test_corrected_rows_complete_the_table_of_an_undeclared_file(settings: Settings) -> None:
    """Con el separador que pone Excel al guardar, y con más decimales que las demás."""
    first = load_one(settings, "pedidos.csv", PEDIDOS)
    assert (first.counts.loaded, first.counts.rejected) == (2, 3)
    path = correct(settings, "pedidos", "pedidos_corregir.csv", by_number, delimiter=";")
    result = load_path(settings, path)
    assert (result.table, result.counts.loaded, result.counts.rejected) == ("staging.pedidos", 3, 0)
    assert query(settings, "SELECT pedido, dia, importe, nota FROM staging.pedidos ORDER BY pedido") == [
        (1, date(2025, 1, 31), Decimal("1234.50"), "bien"),
        (2, date(2025, 2, 28), Decimal("7.25"), "=peligro"),
        (3, date(2025, 2, 28), Decimal("8.00"), "ya cerrada"),
        (4, date(2025, 2, 27), Decimal("9.005"), None),
        (5, date(2025, 2, 26), Decimal("10.00"), "bien"),
    ]
    again = run_with(settings, []).files
    assert {file.file: file.status for file in again} == {"pedidos.csv": "skipped", "pedidos_corregir.csv": "skipped"}


def test_a_correction_of_rows_that_are_no_longer_waiting_repeats_nothing(settings: Settings) -> None:
    load_one(settings, "pedidos.csv", PEDIDOS)
    path = correct(settings, "pedidos", "pedidos_corregir.csv", by_number)
    load_path(settings, path)
    mended = PEDIDOS.replace("31/02", "28/02").replace('"sin', "sin").replace("9,00\n", "9,00;\n")
    assert load_one(settings, "pedidos.csv", mended).counts.loaded == 5
    result = load_path(settings, path)
    assert (result.counts.loaded, result.counts.rejected) == (0, 3)
    assert query(settings, "SELECT count(*) FROM staging.pedidos") == [5]


def test_a_cell_that_is_still_wrong_stays_in_quarantine(settings: Settings) -> None:
    """Con el texto y el motivo nuevos; y lo que se saca después lleva lo nuevo."""
    load_one(settings, "pedidos.csv", PEDIDOS)
    wrong = {"dia": "30/02/2025", "importe": "mucho"}
    path = correct(settings, "pedidos", "otra.csv", lambda row: by_number(row) | wrong)
    result = load_path(settings, path)
    assert (result.counts.loaded, result.counts.rejected) == (0, 3)
    with connect_settings(settings) as connection:
        found = connection.execute("SELECT DISTINCT message FROM etl.rejects").fetchall()
    day = "columna «dia»: se leyó «30/02/2025» y se esperaba una fecha que exista"
    assert found == [(f"{day}; además, columna «importe»: se leyó «mucho» y se esperaba un número",)]


def test_nested_values_of_a_rejected_object_are_exported_as_json(settings: Settings) -> None:
    load_one(
        settings,
        "sitios.jsonl",
        '{"id": 1, "lugar": {"lat": 40.10}, "alta": "2024-02-01"}\n' * 9
        + '{"id": 2, "lugar": {"lat": 41.20}, "alta": "2024-02-30"}\n',
    )
    path = correct(settings, "sitios", "sitios_corregir.csv", lambda _: {"alta": "2024-02-29"})
    assert load_path(settings, path).counts.loaded == 1
    assert query(settings, "SELECT lugar::text FROM staging.sitios WHERE alta = '2024-02-29'") == ['{"lat": 41.20}']


def test_a_corrected_row_keeps_its_bytes_and_its_lapse(settings: Settings) -> None:
    lapse = timedelta(hours=30)
    rows = {"nota": ["a\0b", "bien"], "datos": [b"\x00\xff", b"x"], "rato": pa.array([lapse, lapse], pa.duration("us"))}
    parquet.write_table(pa.table(rows), settings.datos_dir / "ratos.parquet")
    run_with(settings, [])
    path = correct(settings, "staging.ratos", "bien.csv", lambda row: {"nota": f"{row['nota']}c"})
    assert load_path(settings, path).counts.loaded == 1
    assert query(settings, "SELECT (nota, datos, rato)::text FROM staging.ratos ORDER BY _line") == [
        '(abc,"\\\\x00ff",30:00:00)',
        '(bien,"\\\\x78",30:00:00)',
    ]


def test_a_corrected_row_whose_key_is_taken_is_told_not_to_enter(settings: Settings) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(1, "Begoña"), cliente(2, "Ana", fecha_alta="2024-02-30"))
    taken = {"cliente_id": "1", "fecha_alta": "2024-02-29"}
    path = correct(settings, "clientes", "clientes_corregir.csv", lambda _row: taken)
    assert load_path(settings, path).warnings == [
        "filas corregidas que no entran: su clave ya está en la tabla, con otra fila: 1"
    ]
    assert clientes(settings) == [(1, "Begoña")]


def test_a_row_with_odd_quotes_that_is_right_as_it_is_shown_is_loaded_when_its_motive_is_erased(
    settings: Settings,
) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(1), cliente(2, 'Eva "la" Ruiz'))
    path = correct(settings, "clientes", "clientes_corregir.csv", lambda _: {})
    assert "borre este motivo" in path.read_text("utf-8-sig")
    assert load_path(settings, path).counts.loaded == 0
    assert load_path(settings, edit(path, lambda _: {"_motivo": ""})).counts.loaded == 1
    assert clientes(settings) == [(1, "Ana"), (2, 'Eva "la" Ruiz')]


def test_what_was_edited_in_the_text_of_the_row_counts_also_without_its_motive(settings: Settings) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(1), cliente(2, 'Eva "la" Ruiz'))
    path = correct(
        settings,
        "clientes",
        "clientes_corregir.csv",
        lambda row: {"_motivo": "", "_fila": row["_fila"].replace('"la" ', "")},
    )
    assert load_path(settings, path).counts.loaded == 1
    assert clientes(settings) == [(1, "Ana"), (2, "Eva Ruiz")]


def test_declaring_a_file_says_how_many_of_its_corrections_are_gone(settings: Settings) -> None:
    name = "clientes.csv"
    path = settings.datos_dir / name
    path.write_text(CLIENTES + cliente(1) + cliente(2, fecha_alta="2024-02-31"))
    run_with(settings, [], path)
    fix = settings.datos_dir / "x.csv"
    assert export_rejects(settings, "staging.clientes", fix, []) == 1
    run_with(settings, [], edit(fix, lambda _: {"fecha_alta": "2024-02-28"}))
    [result] = run_with(settings, [declared(Cliente)], path).files
    assert any("hay que corregir otra vez: 1" in told for told in result.warnings)
