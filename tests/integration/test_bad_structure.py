"""Lo que le pasa a un archivo declarado entero: cabecera, preámbulo, varias tablas, rutas y tamaños.

Los números son los de la lista de entradas malas; fila a fila, `test_bad_inputs.py`.
"""

import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from declared.clientes import Cliente
from etl.dataset import declared
from etl.run import FileResult
from etl.settings import Settings
from extras.document import layout
from own_rows import CLIENTES, cliente, clientes, load, load_as, load_one, numbers, query, rejects, write

pytestmark = pytest.mark.any_server

TWO = [(1, "Begoña"), (2, "Íñigo")]
ROWS = cliente(1, "Begoña") + cliente(2, "Íñigo")
TEXT = CLIENTES + ROWS
FIELDS = CLIENTES.strip().split(",")


def load_declared(settings: Settings, path: Path, **dialect: object) -> FileResult:
    """Carga un archivo de clientes escrito de otra manera que la declarada."""
    written = replace(Cliente.dialect, **dialect)  # type: ignore[arg-type]
    return load_as(settings, path, replace(declared(Cliente), dialect=written))


def test_13_the_line_that_excel_puts_first_is_not_the_header(settings: Settings) -> None:
    load_one(settings, "clientes.csv", "sep=,\n" + TEXT)
    assert clientes(settings) == TWO
    assert query(settings, "SELECT _line FROM datos.clientes ORDER BY 1") == [3, 4]


def test_14_the_lines_above_the_header_are_skipped_with_a_warning(settings: Settings) -> None:
    path = write(settings, "clientes.csv", "Clientes de la tienda\n\n" + TEXT)
    result = load_declared(settings, path)
    assert (result.status, clientes(settings), layout(result)["preamble_rows"]) == ("loaded", TWO, 2)
    assert result.warnings == [
        "líneas encima de la cabecera, que se saltan: 2. Si las lleva siempre, declare preamble_rows=2"
    ]
    assert query(settings, "SELECT _line FROM datos.clientes ORDER BY 1") == [4, 5]


def test_14_a_declared_preamble_is_no_surprise(settings: Settings) -> None:
    path = write(settings, "clientes.csv", "Clientes de la tienda\n\n" + TEXT)
    result = load_declared(settings, path, preamble_rows=2)
    assert (result.status, clientes(settings), result.warnings) == ("loaded", TWO, [])


def test_14_without_the_header_anywhere_the_file_is_refused_saying_what_is_missing(settings: Settings) -> None:
    path = write(settings, "clientes.csv", "Clientes de la tienda\n\n" + TEXT.replace("nombre", "quién"))
    refused = load_declared(settings, path)
    assert (refused.status, clientes(settings)) == ("refused", [])
    assert "La cabecera tiene: Clientes de la tienda" in (refused.reason or "")


def test_17_names_under_a_row_of_groups_are_the_header(settings: Settings) -> None:
    groups = ",".join(["Cliente", "", "", "", "Dirección", "", "Fechas", ""]) + "\n"
    result = load_one(settings, "clientes.csv", groups, TEXT)
    assert (clientes(settings), layout(result)["preamble_rows"], len(result.warnings)) == (TWO, 1, 1)


def test_16_the_rows_of_a_second_table_are_set_aside(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", TEXT, "\n", "provincia,total\n", "Cuenca,2\n")
    assert numbers(result) == (4, 2, 0, 0, 2)
    assert rejects(settings) == [(5, "field_count", None), (6, "field_count", None)]


def test_17_a_second_row_of_names_is_set_aside(settings: Settings) -> None:
    units = ",".join(["nº", "letra", "texto", "texto", "texto", "texto", "día", "día"]) + "\n"
    load_one(settings, "clientes.csv", CLIENTES, units, ROWS)
    assert clientes(settings) == TWO
    assert rejects(settings) == [(2, "type", "cliente_id")]


def test_18_without_a_header_the_columns_are_the_declared_ones_in_order(settings: Settings) -> None:
    path = write(settings, "clientes.csv", ROWS)
    assert load_declared(settings, path).status == "refused"
    assert load_declared(settings, path, header=False).status == "loaded"
    assert clientes(settings) == TWO


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        pytest.param([*FIELDS[:-1], "nif"], "La cabecera repite la columna «nif».", id="27 repetido"),
        pytest.param([*FIELDS[:-1], "NÍF"], "La cabecera repite la columna «nif».", id="29 casi igual"),
        pytest.param([*FIELDS[:-1], " nif "], "La cabecera repite la columna «nif».", id="29 con espacios"),
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(settings: Settings, header: list[str], reason: str) -> None:
    result = load_one(settings, "clientes.csv", ",".join(header) + "\n" + ROWS)
    assert result.status == "refused"
    assert reason in (result.reason or "")


def test_30_a_name_longer_than_postgresql_admits_does_not_matter_if_nobody_wants_it(settings: Settings) -> None:
    long = "x" * 70
    content = CLIENTES.strip() + f",{long}1,{long}2\n" + ROWS.replace("\n", ",a,b\n")
    result = load_one(settings, "clientes.csv", content)
    assert (clientes(settings), len(result.warnings)) == (TWO, 2)


def test_a_delimiter_too_many_at_the_end_of_every_row_is_how_the_file_is_written(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", CLIENTES, ROWS.replace("\n", ",\n"))
    assert (clientes(settings), rejects(settings)) == (TWO, [])
    assert result.warnings == ["columna «(sin nombre)» no declarada: no se carga"]


def test_a_header_with_an_unclosed_quote_is_refused(settings: Settings) -> None:
    content = f'"{CLIENTES}' + "".join(cliente(number) for number in range(1, 5000))
    result = load_one(settings, "clientes.csv", content)
    assert (result.status, "comillas" in (result.reason or "")) == ("refused", True)


def test_33_and_35_what_is_declared_is_not_doubtful(settings: Settings) -> None:
    """«1.234» y «03/04/2024» valen lo que dice la declaración."""
    path = write(settings, "clientes.csv", CLIENTES, cliente("1.234", fecha_alta="03/04/2024"))
    load_declared(settings, path, decimal=",", thousands=".", date_format="%d/%m/%Y")
    assert query(settings, "SELECT cliente_id, fecha_alta::text FROM datos.clientes") == [(1234, "2024-04-03")]


def test_43_a_bomb_and_a_zip_inside_another_are_refused(settings: Settings) -> None:
    with zipfile.ZipFile(settings.datos_dir / "clientes.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("clientes.csv", TEXT + ROWS * 1_000_000)
        archive.writestr("clientes_otros.zip", b"PK")
    [bomb, nested] = load(settings).files
    assert (bomb.status, "bomba" in (bomb.reason or "")) == ("refused", True)
    assert (nested.status, clientes(settings)) == ("refused", [])


def test_44_paths_that_leave_the_folder_and_what_is_not_a_file_are_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "fuera.csv").write_text(TEXT)
    (settings.datos_dir / "clientes_enlace.csv").symlink_to(tmp_path / "fuera.csv")
    with zipfile.ZipFile(settings.datos_dir / "clientes.zip", "w") as archive:
        archive.writestr("../clientes.csv", TEXT)
    assert [file.status for file in load(settings).files] == ["refused", "refused"]
    assert clientes(settings) == []


def test_46_a_file_that_grows_while_it_is_read_is_refused(settings: Settings) -> None:
    path = write(settings, "clientes.csv", TEXT, "".join(cliente(n) for n in range(3, 200_000)))
    growing = threading.Event()

    def grow(*_: object) -> None:
        if not growing.is_set():
            growing.set()
            with path.open("a") as file:
                file.write(cliente(999_999))

    [result] = load(settings, path, progress=grow).files
    assert (result.status, "cambió" in (result.reason or "")) == ("refused", True)
    assert clientes(settings) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04\x14\0", "Excel"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"<!DOCTYPE html>\n<html><body>Inicie sesi\xc3\xb3n</body></html>", "página web"),
        (b'[{"cliente_id": 1}]', "JSON"),
        (b"%PDF-1.7\n", "PDF"),
    ],
)
def test_what_only_its_name_says_is_a_csv_is_refused_saying_what_it_is(
    settings: Settings, content: bytes, what: str
) -> None:
    for name in ("clientes.csv", "otro.csv"):
        path = write(settings, name, content)
        [result] = load(settings, path).files
        assert (result.status, what in (result.reason or "")) == ("refused", True), result.reason
