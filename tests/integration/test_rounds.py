"""Tres rondas de cuarentena, solo con las órdenes que el programa imprime, y lo que después puede deshacerlas."""

import csv
import io
import json
import re
import shlex
import subprocess
import sys

import openpyxl
import pytest

from declared.clientes import Cliente
from etl.dataset import declared
from etl.errors import UsageError
from etl.settings import Settings
from extras.quarantine.export import export_rejects
from integration.test_round_trip import PEDIDOS, by_number, correct, edit, load_path
from loader import environment
from own_rows import CLIENTES, cliente, clientes, load, load_one, numbers, query, run_with, write

LOADS = "SELECT rows_read, rows_loaded, rows_duplicate, rows_rejected FROM etl.loads WHERE status = 'loaded'"
CODES = "SELECT line, code FROM etl.rejects ORDER BY load_id, line"
BAD = "".join(cliente(number, fecha_alta="ayer") for number in (2, 3, 4, 5))


def etl(settings: Settings, command: str) -> str:
    """Ejecuta una orden tal como se imprime, en la carpeta que tiene `datos/`."""
    _, *words = shlex.split(command)
    done = subprocess.run(
        [sys.executable, "-m", "wiring", *words], env=environment(settings), cwd=settings.datos_dir.parent,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def printed(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, text
    return found[0]


def play(settings: Settings, table: str, fix: dict[str, dict[str, str]]) -> dict[str, int]:
    """Una ronda: `etl rejects`, la orden que dice, corregir esas líneas y la orden que dice."""
    export = printed(r"etl rejects \S+ --csv \S+", etl(settings, f"etl rejects {table}"))
    run = printed(r"etl run \S+", etl(settings, export))
    edit(settings.datos_dir.parent / run.split()[-1], lambda row: fix.get(row["_linea"], {}))
    file = json.loads(etl(settings, f"{run} --json"))["files"][0]
    assert json.loads(etl(settings, f"{run} --json"))["files"][0]["rows_repaired"] == 0
    return {name: file[f"rows_{name}"] for name in ("read", "repaired", "rejected")}


def test_three_rounds_of_a_declared_table_add_up(settings: Settings) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(1), BAD)
    good = {"fecha_alta": "2024-01-15"}
    assert play(settings, "clientes", {"3": good}) == {"read": 4, "repaired": 1, "rejected": 3}
    # La cuarta vuelve a fallar, y queda con lo nuevo.
    assert play(settings, "clientes", {"4": good, "5": {"fecha_alta": "hoy"}}) == {
        "read": 3, "repaired": 1, "rejected": 2,
    }  # fmt: skip
    assert query(settings, "SELECT value FROM etl.rejects WHERE line = 5") == ["hoy"]
    assert play(settings, "clientes", {"5": good, "6": good}) == {"read": 2, "repaired": 2, "rejected": 0}
    assert [number for number, _ in clientes(settings)] == [1, 2, 3, 4, 5]
    assert query(settings, LOADS) == [(5, 5, 0, 0)]
    assert "No hay filas en cuarentena" in etl(settings, "etl rejects clientes")


def test_three_rounds_of_an_undeclared_table_add_up(settings: Settings) -> None:
    """La segunda, corrigiendo el texto de la fila que no tiene tantos campos."""
    path = write(settings, "pedidos.csv", PEDIDOS)
    run_with(settings, [], path)
    assert play(settings, "pedidos", {"3": {"dia": "28/02/2025"}}) == {"read": 3, "repaired": 1, "rejected": 2}
    assert play(settings, "pedidos", {"5": {"_fila": "4;27/02/2025;9,00;"}})["repaired"] == 1
    assert play(settings, "pedidos", {"4": {"_fila": "3;28/02/2025;8,00;ya"}}) == {
        "read": 1, "repaired": 1, "rejected": 0,
    }  # fmt: skip
    assert query(settings, "SELECT pedido, nota FROM staging.pedidos ORDER BY 1") == [
        (1, "bien"), (2, "=peligro"), (3, "ya"), (4, None), (5, "bien"),
    ]  # fmt: skip
    assert [file.status for file in run_with(settings, [], path).files] == ["skipped"]
    assert query(settings, LOADS) == [(5, 5, 0, 0)]


def test_what_is_not_edited_stays_in_quarantine_and_is_counted(settings: Settings) -> None:
    load_one(settings, "pedidos.csv", PEDIDOS)
    result = load_path(settings, correct(settings, "pedidos", "pedidos_corregir.csv", lambda _: {}))
    assert numbers(result) == (3, 0, 0, 0, 3)
    assert result.warnings == ["filas sin editar, que siguen en cuarentena: 3"]
    assert query(settings, "SELECT count(*) FROM staging.pedidos") == [2]
    assert query(settings, "SELECT count(*) FROM etl.rejects") == [3]


def test_an_older_round_undoes_nothing(settings: Settings) -> None:
    load_one(settings, "pedidos.csv", PEDIDOS)
    first = correct(settings, "pedidos", "una.csv", lambda row: by_number(row) if row["_linea"] == "3" else {})
    second = correct(settings, "pedidos", "dos.csv", lambda row: by_number(row) if row["_linea"] != "3" else {})
    for path in (second, first, second, first):
        load_path(settings, path)
    assert query(settings, "SELECT pedido FROM staging.pedidos ORDER BY 1") == [1, 2, 3, 4, 5]
    assert query(settings, LOADS) == [(5, 5, 0, 0)]


def test_a_correction_may_be_corrected(settings: Settings) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(2, fecha_alta="ayer"))
    good = {"fecha_alta": "2024-01-15"}
    path = correct(settings, "clientes", "clientes_x.csv", lambda _: good | {"nombre": "Eva"})
    load_path(settings, path)
    edit(path, lambda _: {"nombre": "Ada"})
    load_path(settings, path)
    assert clientes(settings) == [(2, "Ada")]
    assert query(settings, LOADS) == [(1, 1, 0, 0)]


def test_forgetting_a_file_says_how_many_corrections_go_with_it(settings: Settings) -> None:
    load_one(settings, "pedidos.csv", PEDIDOS)
    load_path(
        settings, correct(settings, "pedidos", "una.csv", lambda row: by_number(row) if row["_linea"] == "3" else {})
    )
    told = etl(settings, "etl forget pedidos.csv")
    assert "filas menos. Las que usted había corregido (1) no volverán solas: corríjalas en «pedidos.csv»." in told


def test_corrections_survive_a_file_that_is_read_again(settings: Settings) -> None:
    """Como hacen `--again` y las repeticiones de un archivo incompleto."""
    path = write(settings, "clientes.csv", CLIENTES, cliente(1), BAD)
    known = declared(Cliente)
    run_with(settings, [known], path)
    fix = correct(settings, "clientes", "clientes_x.csv", lambda row: (
        {"fecha_alta": "2024-01-15"} if row["_linea"] in "35" else {}
    ))  # fmt: skip
    load_path(settings, fix)
    query(settings, "UPDATE etl.loads SET incomplete = true RETURNING 1")
    [again] = run_with(settings, [known], path).files
    assert (again.status, numbers(again), again.counts.repaired) == ("loaded", (5, 3, 0, 0, 2), 2)
    assert [number for number, _ in clientes(settings)] == [1, 2, 4]
    assert query(settings, CODES) == [(3, "repaired"), (4, "type"), (5, "repaired"), (6, "type")]


@pytest.mark.parametrize("table", ["clientes", "pedidos"])
def test_a_new_version_of_the_file_replaces_its_corrections_and_says_so(settings: Settings, table: str) -> None:
    content = {"clientes": CLIENTES + cliente(1) + cliente(2, fecha_alta="ayer"), "pedidos": PEDIDOS}[table]
    load_one(settings, f"{table}.csv", content)
    day = {"clientes": {"fecha_alta": "2024-01-15"}, "pedidos": {"dia": "28/02/2025"}}[table]
    fix = correct(settings, table, f"{table}_x.csv", lambda row: day if row["_linea"] == "3" else {})
    assert load_path(settings, fix).counts.repaired == 1
    newer = load_one(settings, f"{table}.csv", content + content.splitlines()[1].replace("1", "9", 1) + "\n")
    assert "filas corregidas de la versión anterior, que esta reemplaza: 1" in newer.warnings
    stale = load_path(settings, fix)
    assert stale.counts.repaired == 0
    assert "filas que ya no están en cuarentena" in stale.warnings[0]


def test_a_correction_that_was_covered_comes_back_when_what_covers_it_goes(settings: Settings) -> None:
    load_one(settings, "clientes_1.csv", CLIENTES, cliente(1), cliente(20, "Eva", fecha_alta="ayer"))
    load_one(settings, "clientes_2.csv", CLIENTES, cliente(20, "Ada"), cliente(21))
    late = load_path(settings, correct(settings, "clientes", "clientes_x.csv", lambda _: {"fecha_alta": "2024-01-15"}))
    assert "su clave ya está en la tabla" in late.warnings[0]
    load_one(settings, "clientes_2.csv", CLIENTES, cliente(21))
    load(settings)
    assert clientes(settings) == [(1, "Ana"), (20, "Eva"), (21, "Ana")]


def test_a_file_being_corrected_is_never_overwritten(settings: Settings) -> None:
    load_one(settings, "clientes.csv", CLIENTES, BAD)
    path = correct(settings, "clientes", "corregir.csv", lambda _: {"nombre": "Eva"})
    edited = path.read_bytes()
    with pytest.raises(UsageError) as refused:
        export_rejects(settings, "clientes", path, [declared(Cliente)])
    assert "corregir_2.csv" in str(refused.value.hint)
    assert path.read_bytes() == edited
    other = path.with_name("otra.csv")
    assert [export_rejects(settings, "clientes", other, [declared(Cliente)]) for _ in "12"] == [4, 4]


def test_what_a_spanish_excel_saves_is_understood(settings: Settings) -> None:
    """Con el separador del archivo al abrirlo; lo guarda en la codificación de Windows, con sus fines de línea."""
    load_one(settings, "pedidos.csv", PEDIDOS)
    path = correct(settings, "pedidos", "pedidos_corregir.csv", lambda row: by_number(row) | {"nota": "año"})
    text = path.read_text(encoding="utf-8-sig")
    assert text.startswith("pedido;dia;importe;nota;_archivo;")
    path.write_bytes(text.replace("\n", "\r\n").encode("cp1252"))
    assert load_path(settings, path).counts.repaired == 3
    assert query(settings, "SELECT count(*) FROM staging.pedidos WHERE nota = 'año'") == [3]


@pytest.mark.parametrize("table", ["clientes", "pedidos"])
def test_a_correction_saved_as_a_workbook_is_no_table_and_says_what_to_do(settings: Settings, table: str) -> None:
    """Un libro cambia las fechas y los números de las celdas: solo se corrige con un CSV."""
    content = {"clientes": CLIENTES + cliente(1) + cliente(2, fecha_alta="ayer"), "pedidos": PEDIDOS}[table]
    load_one(settings, f"{table}.csv", content)
    path = correct(settings, table, f"{table}_x.csv", lambda _: {})
    text = path.read_text("utf-8-sig")
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in csv.reader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","):
        book.active.append(row)
    book.save(path.with_suffix(".xlsx"))
    result = load_path(settings, path.with_suffix(".xlsx"))
    assert (result.status, result.reason) == (
        "refused", "Es una cuarentena corregida, y no es un CSV. Guárdela como CSV.",
    )  # fmt: skip
    assert query(settings, "SELECT to_regclass(%s) IS NULL", f"staging.{table}_x") == [True]
