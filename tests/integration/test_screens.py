"""Lo que se ve en el terminal después de cargar: cabe en 80 columnas, dice el paso siguiente y aguanta cualquier texto."""

import re
from pathlib import Path
from uuid import uuid4

import pytest

import own_rows
from declared.clientes import Cliente
from etl.declarations import in_order
from etl.errors import UsageError
from etl.load.ledger import Counts
from etl.reader import thousands
from etl.run import FileResult, RunResult
from etl.settings import Settings
from extras.quarantine import export as quarantine
from extras.screen import status, summary
from own_rows import CLIENTES, PARTS, VENTAS, cliente, load_one, venta, write, write_parents
from support import connect_settings

pytestmark = pytest.mark.any_server

# Lo que rich tomaría por una orden suya y, si no se protege, borraría o lo haría fallar.
MARKUP = "[/red] [bold]"


@pytest.fixture
def loaded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Un archivo con una fila buena y otra mala, y uno vacío de nombre difícil."""
    monkeypatch.setenv("COLUMNS", "80")
    rows = f"1,12345678Z,Ana,,Madrid,28001,2024-01-01,\n2,{MARKUP},Eva,,Madrid,28001,2024-01-01,\n"
    (settings.datos_dir / "clientes.csv").write_text(CLIENTES + rows, encoding="utf-8")
    (settings.datos_dir / f"{MARKUP.replace('/', '')}.csv").write_bytes(b"")
    return settings


def load(settings: Settings) -> None:
    summary.show_result(own_rows.load(settings), quiet=False, explain=PARTS.explain)


def show_status(settings: Settings) -> None:
    with connect_settings(settings) as connection:
        status.show_status(connection, in_order([Cliente]))


def show_rejects(settings: Settings, table: str) -> None:
    with connect_settings(settings) as connection:
        status.show_rejects(connection, table)


def fits(text: str) -> bool:
    """Sin contar las órdenes para copiar, que no se parten."""
    return all(len(line) <= 80 for line in text.splitlines() if "etl " not in line)


def test_the_summary_names_what_failed_and_the_next_step(loaded: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    load(loaded)
    printed = capsys.readouterr()
    assert "✖ [red] [bold].csv: " in printed.err
    assert "[red] [bold].csv" in printed.out
    assert re.search(r"^1 fila en cuarentena: véala con «\S*etl rejects»\.$", printed.out, re.M)
    assert fits(printed.out)


def test_the_status_shows_whole_file_names(loaded: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    rows = f"{CLIENTES}3,12345678Z,Ana,,Madrid,28001,2024-01-01,\n"
    (loaded.datos_dir / "clientes_2025-12_bis.csv").write_text(rows, encoding="utf-8")
    load(loaded)
    capsys.readouterr()
    show_status(loaded)
    printed = capsys.readouterr().out
    assert re.search(r"clientes_2025-12_bis\.csv cargado +1 ", printed)
    assert "✖ [red] [bold].csv: " in printed
    assert fits(printed)


def test_the_error_of_a_file_that_was_loaded_afterwards_is_not_shown(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    own_rows.load_one(settings, "clientes.csv", "nada,que,ver\n1,2,3\n")
    show_status(settings)
    assert "✖ clientes.csv: " in capsys.readouterr().out
    own_rows.load_one(settings, "clientes.csv", CLIENTES, "1,12345678Z,Ana,,Madrid,28001,2024-01-01,\n")
    show_status(settings)
    assert "✖" not in capsys.readouterr().out


LONG = "copia_de_seguridad_2025.zip/exportaciones/enero/clientes_2025-01.csv"


@pytest.mark.parametrize("rows", [4222, 6_000_000_123])
def test_a_long_name_is_shortened_in_the_middle_and_no_count_is_lost(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    counts = Counts(read=rows, loaded=rows - 40, updated=3, rejected=40)
    one = FileResult(LONG, "clientes", "datos.clientes", "refused", counts, seconds=1)
    summary.show_result(RunResult(uuid4(), "local", [one], [], {}), quiet=False, explain=PARTS.explain)
    printed = capsys.readouterr().out
    header, _, line, _, total, *_ = printed.splitlines()
    assert fits(printed)
    assert {"leídas", "cargadas", "rechazadas"} <= set(header.split())
    assert re.match(r"copia.*…\w*_2025-01\.csv +rechazado ", line)
    assert {thousands(rows), thousands(rows - 40), "40"} <= set(line.split()) & set(total.split())


def test_a_warning_of_many_files_is_told_once(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    files = [FileResult(f"enero_{day}.csv", None, None, warnings=[f"línea {day}: otra vez"]) for day in range(1, 6)]
    files[0].warnings.append("solo aquí")
    summary.show_result(RunResult(uuid4(), "local", files, [], {}), quiet=False, explain=PARTS.explain)
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("!")]
    assert told[0].startswith("! enero_1.csv: línea 1: otra vez (y lo mismo en otros 4: vea «")
    assert told[1:] == ["! enero_1.csv: solo aquí"]


def test_a_warning_of_what_was_already_loaded_sends_to_where_it_is(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    files = [FileResult(f"enero_{day}.csv", None, None) for day in range(1, 6)]
    for file in files:
        file.skip(then="antes", now="ahora")
    summary.show_result(RunResult(uuid4(), "local", files, [], {}), quiet=False, explain=PARTS.explain)
    [told] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("!")]
    assert re.search(r"\(y lo mismo en otros 4: vea «\S*etl status»\)$", told)


def test_an_empty_database_says_how_to_begin(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    show_status(settings)
    assert re.search(r"Todavía no se ha cargado nada: \S*etl run", capsys.readouterr().out)


def test_the_quarantine_shows_the_value_as_it_was_and_how_to_mend_it(
    loaded: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    load(loaded)
    capsys.readouterr()
    show_rejects(loaded, "clientes")
    printed = capsys.readouterr().out
    assert f"«{MARKUP}»" in " ".join(printed.split())
    assert "etl rejects clientes --csv datos/salida/clientes_corregir.csv" in printed
    assert fits(printed)


def test_a_table_that_does_not_exist_is_told(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No hay ninguna tabla «clintes»"):
        show_rejects(settings, "clintes")
    (tmp_path / "no").write_text("un archivo, y no una carpeta")
    with pytest.raises(UsageError, match="No se puede escribir"):
        quarantine.export_rejects(settings, "clientes", tmp_path / "no" / "hay.csv", [])


def test_a_new_version_without_rows_in_use_says_which(settings: Settings) -> None:
    write_parents(settings)
    write(settings, "clientes.csv", CLIENTES, cliente(1), cliente(2))
    own_rows.load(settings)
    assert load_one(settings, "ventas_01.csv", VENTAS, venta(1, cliente_id="2")).counts.loaded == 1
    refused = load_one(settings, "clientes.csv", CLIENTES, cliente(1))
    assert refused.status == "refused"
    assert "necesitan: la de cliente_id «2» sigue en uso en «ventas»." in (refused.reason or "")
