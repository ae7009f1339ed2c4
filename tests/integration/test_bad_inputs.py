"""Lo malo que traen los archivos declarados: qué se carga, qué se aparta y qué se rechaza entero.

Los números son los de la lista de entradas malas. Nunca se rellena, corre, corta ni adivina nada.
"""

import gzip
import io
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from psycopg import sql

from declared.clientes import Cliente
from etl.dataset import declared
from etl.dialect import Dialect
from etl.run import FileResult
from etl.schema import Column, Declared, Schema, Table
from etl.settings import Settings
from own_rows import (
    CLIENTES,
    PRODUCTOS,
    VENTAS,
    cliente,
    clientes,
    load,
    load_as,
    load_one,
    numbers,
    producto,
    query,
    rejects,
    venta,
    write,
    write_parents,
)
from support import connect_settings

pytestmark = pytest.mark.any_server

TWO = [(1, "Begoña"), (2, "Íñigo")]
TEXT = CLIENTES + cliente(1, "Begoña") + cliente(2, "Íñigo")

# --- Codificación ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        pytest.param(TEXT.encode("utf-8-sig"), "utf-8", id="1 marca UTF-8"),
        pytest.param(TEXT.encode("latin-1"), "latin-1", id="2 Latin-1"),
        pytest.param(TEXT.encode("utf-16"), "utf-16-le", id="4 UTF-16 con marca"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16-be", id="4 UTF-16 al revés"),
    ],
)
def test_a_readable_encoding_is_loaded_and_recorded(settings: Settings, data: bytes, encoding: str) -> None:
    result = load_one(settings, "clientes.csv", data)
    assert (result.status, result.encoding) == ("loaded", encoding)
    assert clientes(settings) == TWO
    assert query(settings, "SELECT encoding FROM etl.loads") == [encoding]


def test_3_cp1252_with_its_euro_sign(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", (TEXT + cliente(3, "5 €")).encode("cp1252"))
    assert (result.status, result.encoding) == ("loaded", "cp1252")
    assert clientes(settings) == [*TWO, (3, "5 €")]


def test_5_lines_in_another_encoding_are_set_aside(settings: Settings) -> None:
    load_one(settings, "clientes.csv", TEXT, cliente(3, "Begoña").encode("latin-1"), cliente(4))
    assert clientes(settings) == [*TWO, (4, "Ana")]
    assert rejects(settings) == [(4, "encoding", None)]
    assert query(settings, "SELECT raw FROM etl.rejects") == ["3,12345678Z,Bego\\xf1a,,Cuenca,16001,2024-01-15,"]


def test_6_mojibake_is_loaded_as_it_is_with_a_warning(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", CLIENTES, cliente(1, "BegoÃ±a"))
    assert clientes(settings) == [(1, "BegoÃ±a")]
    assert [warning[:48] for warning in result.warnings] == ["Hay texto mal codificado de origen («Ã±»): se ca"]
    assert query(settings, "SELECT warnings FROM etl.loads") == [result.warnings]


def test_7_a_line_with_a_nul_byte_is_set_aside(settings: Settings) -> None:
    load_one(settings, "clientes.csv", TEXT, cliente(3, "a\0b"), cliente(4))
    assert clientes(settings) == [*TWO, (4, "Ana")]
    assert rejects(settings) == [(4, "nul", None)]


def test_8_a_file_cut_inside_a_character_loses_only_that_line(settings: Settings) -> None:
    data = (TEXT + "3,12345678Z,Begoñ").encode()[:-1]
    assert load_one(settings, "clientes.csv", data).status == "loaded"
    assert clientes(settings) == TWO
    assert rejects(settings) == [(4, "encoding", None)]


# --- Estructura ------------------------------------------------------------------------------


def test_9_an_empty_file_is_refused(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", b"")
    assert (result.status, result.reason) == (
        "refused",
        "El archivo está vacío: no tiene ni cabecera. Expórtelo de nuevo desde su origen.",
    )
    assert query(settings, "SELECT status, error FROM etl.loads") == [("refused", result.reason)]


def test_10_a_header_alone_loads_no_rows(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", CLIENTES)
    assert (result.status, numbers(result)) == ("loaded", (0, 0, 0, 0, 0))


def test_11_the_last_line_needs_no_newline(settings: Settings) -> None:
    load_one(settings, "clientes.csv", TEXT.rstrip("\n"))
    assert clientes(settings) == TWO


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_12_any_line_end(settings: Settings, end: str) -> None:
    load_one(settings, "clientes.csv", TEXT.replace("\n", end))
    assert clientes(settings) == TWO


def test_12_mixed_line_ends(settings: Settings) -> None:
    content = (
        CLIENTES.replace("\n", "\r\n"),
        cliente(1, "Begoña"),
        cliente(2, "Íñigo").replace("\n", "\r"),
        cliente(3),
    )
    load_one(settings, "clientes.csv", *content)
    assert clientes(settings) == [*TWO, (3, "Ana")]
    assert query(settings, "SELECT _line FROM datos.clientes ORDER BY 1") == [2, 3, 4]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param("Total,2\n", "field_count", id="15 pie de totales"),
        pytest.param(cliente(3).replace("\n", ",\n"), "field_count", id="19 separador de más"),
        pytest.param(cliente(3).replace(",16001", ""), "field_count", id="20 separador de menos"),
        pytest.param(cliente(3, '"Ana'), "quote", id="21 comilla sin cerrar"),
        pytest.param(cliente(3, 'A"na'), "quote", id="22 comilla suelta"),
        pytest.param(CLIENTES, "repeated_header", id="25 cabecera repetida"),
        pytest.param(cliente(3, "x" * ((1 << 20) + 1)), "field_too_long", id="26 campo desmesurado"),
        pytest.param(cliente(3).replace(",", " "), "field_count", id="otro separador"),
    ],
)
def test_a_bad_line_is_set_aside_and_the_rest_is_loaded(settings: Settings, bad: str, code: str) -> None:
    result = load_one(settings, "clientes.csv", TEXT, bad, cliente(4))
    assert (result.status, numbers(result)) == ("loaded", (4, 3, 0, 0, 1))
    assert clientes(settings) == [*TWO, (4, "Ana")]
    assert rejects(settings) == [(4, code, None)]
    assert query(settings, "SELECT raw FROM etl.rejects") == [bad.rstrip("\n")]


def test_21_an_unclosed_quote_does_not_take_the_lines_up_to_the_next_one(settings: Settings) -> None:
    load_one(settings, "clientes.csv", TEXT, cliente(3, '"Ana'), cliente(4), cliente(5, 'A"na'), cliente(6))
    assert [number for number, _ in clientes(settings)] == [1, 2, 4, 6]
    assert rejects(settings) == [(4, "quote", None), (6, "quote", None)]


def test_23_a_quoted_newline_is_part_of_the_value(settings: Settings) -> None:
    load_one(settings, "clientes.csv", TEXT, cliente(3, '"Ana\nde ""todos"", y más"'), cliente(4))
    assert clientes(settings)[2:] == [(3, 'Ana\nde "todos", y más'), (4, "Ana")]
    assert query(settings, "SELECT _line FROM datos.clientes ORDER BY 1") == [2, 3, 4, 6]


@pytest.mark.parametrize(("escape", "expected"), [("\\", [(3, 'A"n,a')]), (None, [])])
def test_24_a_backslash_escapes_only_if_declared(
    settings: Settings, escape: str | None, expected: list[tuple[int, str]]
) -> None:
    path = write(settings, "clientes.csv", CLIENTES, cliente(3, r'"A\"n\,a"'))
    result = load_with_dialect(settings, path, escape=escape)
    assert clientes(settings) == expected
    assert (result.counts.loaded, result.counts.rejected) == (len(expected), 1 - len(expected))


def load_with_dialect(settings: Settings, path: Path, **dialect: str | None) -> FileResult:
    """Carga un archivo de clientes escrito de otra manera que la declarada."""
    return load_as(settings, path, replace(declared(Cliente), dialect=replace(Cliente.dialect, **dialect)))  # type: ignore[arg-type]


def test_one_bad_row_is_never_a_reason_to_refuse_a_file(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", CLIENTES, "una línea cualquiera\n")
    assert (result.status, numbers(result)) == ("loaded", (1, 0, 0, 0, 1))


# --- Cabeceras -------------------------------------------------------------------------------

HOSTILE = ('a"; DROP TABLE datos.ventas; --', "select", "Mayúsculas y espacios", "100%s {x}")


def test_31_hostile_names_are_only_names(settings: Settings) -> None:
    columns = tuple(Column(name, pa.string()) for name in HOSTILE)
    target = Table("datos", 'tabla"; DROP TABLE datos.ventas; --', key=("select",))
    hostile = Declared(target, Schema(columns), Dialect(), "*")
    fields = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in HOSTILE)
    table = sql.Identifier("datos", target.table)
    with connect_settings(settings) as connection:
        connection.execute("SET ROLE etl_owner")
        own = sql.SQL("CREATE TABLE {} ({}, _load_id int, _line bigint, PRIMARY KEY ({}))")
        connection.execute(own.format(table, fields, sql.Identifier("select")))
    header = ",".join('"' + name.replace('"', '""') + '"' for name in HOSTILE)
    path = write(settings, "hostil.csv", header, "\n1,2,3,4\n1,2,3,4\n5,6,7,8\n")
    result = load_as(settings, path, hostile)
    assert (result.status, numbers(result)) == ("loaded", (3, 2, 0, 1, 0))
    # Otra versión: se mezcla y se borra por esos mismos nombres.
    path.write_text(path.read_text().replace("5,6,7,8", "5,2,7,8"))
    assert load_as(settings, path, hostile).status == "loaded"
    with connect_settings(settings) as connection:
        found = connection.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall()
    assert [row[:4] for row in found] == [("1", "2", "3", "4")]
    assert query(settings, "SELECT count(*) FROM datos.ventas") == [0]


def test_31_hostile_names_that_are_not_declared_are_not_loaded(settings: Settings) -> None:
    text = TEXT.replace("\n", ',"x""; DROP TABLE datos.clientes; --"\n', 1).replace("2024-01-15,\n", "2024-01-15,,1\n")
    result = load_one(settings, "clientes.csv", text)
    assert result.warnings == ['columna «x"; DROP TABLE datos.clientes; --» no declarada: no se carga']
    assert clientes(settings) == TWO


# --- Valores ---------------------------------------------------------------------------------


def test_32_spanish_numbers_are_read_as_declared(settings: Settings) -> None:
    content = PRODUCTOS + producto(1, precio="1.234,56", coste="1234,5", peso_kg="0,125")
    load_one(settings, "productos.csv", content.encode("latin-1"))
    expected = (Decimal("1234.56"), Decimal("1234.50"), Decimal("0.125"))
    assert query(settings, "SELECT precio, coste, peso_kg FROM datos.productos") == [expected]


def sales(settings: Settings, *rows: str) -> None:
    write_parents(settings)
    write(settings, "ventas.csv", VENTAS, *rows)
    load(settings)


def test_34_a_day_that_does_not_exist_is_set_aside(settings: Settings) -> None:
    sales(settings, venta(1), venta(2, fecha_venta="31/02/2024"), venta(3, fecha_venta="29/02/2023"))
    assert query(settings, "SELECT venta_id, fecha_venta FROM datos.ventas") == [(1, date(2025, 1, 31))]
    assert rejects(settings) == [(3, "type", "fecha_venta"), (4, "type", "fecha_venta")]
    assert query(settings, "SELECT message FROM etl.rejects WHERE line = 3") == [
        "columna «fecha_venta»: se leyó «31/02/2024» y se esperaba una fecha que exista"
    ]


def test_36_a_two_digit_year_is_set_aside_unless_declared(settings: Settings) -> None:
    sales(settings, venta(1, fecha_venta="31/01/25"))
    assert rejects(settings) == [(2, "type", "fecha_venta")]


def test_36_declared_two_digit_years_are_loaded_with_a_warning(settings: Settings) -> None:
    row = cliente(1, fecha_alta="15/01/24", fecha_nacimiento="15/01/69")
    path = write(settings, "clientes.csv", CLIENTES, row)
    result = load_with_dialect(settings, path, date_format="%d/%m/%y")
    assert query(settings, "SELECT fecha_alta, fecha_nacimiento FROM datos.clientes") == [
        (date(2024, 1, 15), date(1969, 1, 15))
    ]
    assert result.warnings == [
        "los años tienen dos cifras: de 69 a 99 son de 1969 a 1999, y de 00 a 68, de 2000 a 2068"
    ]


@pytest.mark.parametrize("word", ["N/D", "-", "..", "NULL", "NA", "nan"])
def test_37_only_the_listed_words_mean_no_value(settings: Settings, word: str) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(1, word))
    assert clientes(settings) == [(1, word)]
    load_one(settings, "productos.csv", (PRODUCTOS + producto(1, peso_kg=word)).encode("latin-1"))
    found = query(settings, "SELECT peso_kg FROM datos.productos")
    assert found == ([None] if word == "N/D" else [])


def test_38_leading_zeros_are_kept(settings: Settings) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(1, codigo_postal="08001", nif="00000001R"))
    assert query(settings, "SELECT codigo_postal, nif FROM datos.clientes") == [("08001", "00000001R")]


@pytest.mark.parametrize(
    "changes",
    [
        {"precio_unitario": "NaN"},
        {"precio_unitario": "Infinity"},
        {"precio_unitario": "100000000.00"},
        {"precio_unitario": "1.234"},
        {"cantidad": "99999999999"},
        {"cantidad": "2.0"},
        {"venta_id": "9223372036854775808"},
        {"producto_id": "2147483648"},
    ],
    ids=str,
)
def test_39_a_number_that_does_not_fit_is_set_aside(settings: Settings, changes: dict[str, str]) -> None:
    sales(settings, venta(1), venta(2, **changes))
    assert query(settings, "SELECT venta_id FROM datos.ventas") == [1]
    assert rejects(settings) == [(3, "type", next(iter(changes)))]


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)"])
def test_40_a_formula_is_loaded_as_it_is(settings: Settings, formula: str) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(1, formula))
    assert clientes(settings) == [(1, formula)]


def test_41_a_repeated_key_is_loaded_once_and_counted(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", TEXT, cliente(1, "Otra"), cliente(2, "Íñigo"), cliente(3))
    assert (result.status, numbers(result)) == ("loaded", (5, 3, 0, 2, 0))
    assert clientes(settings) == [*TWO, (3, "Ana")]


def test_42_a_row_without_its_parent_is_set_aside(settings: Settings) -> None:
    sales(settings, venta(1), venta(2, producto_id="7"), venta(3, cliente_id="5", tienda_id="9"), venta(4))
    assert query(settings, "SELECT venta_id FROM datos.ventas ORDER BY 1") == [1, 4]
    assert query(settings, "SELECT line, code, column_name, value, raw FROM etl.rejects ORDER BY 1") == [
        (3, "orphan", "producto_id", "7", venta(2, producto_id="7").rstrip()),
        (4, "orphan", "cliente_id", "5", venta(3, cliente_id="5", tienda_id="9").rstrip()),
    ]
    assert query(settings, "SELECT message FROM etl.rejects WHERE line = 3") == [
        "columna «producto_id»: se leyó «7» y no existe en la tabla «productos»"
    ]


# --- Archivos --------------------------------------------------------------------------------


def zipped(name: str, data: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


LONG = TEXT + "".join(cliente(number) for number in range(3, 5000))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("clientes.csv.gz", gzip.compress(LONG.encode())),
        ("clientes.csv.zst", pa.compress(LONG.encode(), "zstd", asbytes=True)),
        ("clientes.zip", zipped("clientes.csv", LONG)),
    ],
    ids=["gz", "zst", "zip"],
)
@pytest.mark.parametrize("damage", ["cortado", "dañado"])
def test_45_a_damaged_compressed_file_is_refused(settings: Settings, name: str, data: bytes, damage: str) -> None:
    middle = len(data) // 2
    broken = data[:middle] if damage == "cortado" else data[:middle] + b"\x00\xff" * 20 + data[middle + 40 :]
    result = load_one(settings, name, broken)
    assert result.status == "refused"
    assert result.reason is not None
    assert "dañado o cortado" in result.reason
    assert clientes(settings) == []


def test_47_the_same_bytes_under_a_new_name_change_nothing(settings: Settings) -> None:
    load_one(settings, "clientes.csv", TEXT)
    result = load_one(settings, "clientes_bis.csv", TEXT)
    assert (result.status, numbers(result)) == ("skipped", (0, 0, 0, 0, 0))
    assert query(settings, "SELECT file FROM etl.loads") == ["clientes.csv"]


@pytest.mark.parametrize("name", ["clientes\n2.csv", "clientes'; DROP TABLE x;--.csv", "clientes [bold] 100%.csv"])
def test_48_a_file_name_is_data(settings: Settings, name: str) -> None:
    assert load_one(settings, name, TEXT).status == "loaded"
    assert query(settings, "SELECT file FROM etl.loads") == [name]
    assert clientes(settings) == TWO


def test_48_a_file_name_that_is_not_utf8_is_shown_escaped(settings: Settings) -> None:
    result = load_one(settings, "clientes_a\udcf1o.csv", TEXT)
    assert (result.status, result.file) == ("loaded", "clientes_a\\xf1o.csv")


def test_a_header_that_lacks_a_required_column_says_which(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", "cliente_id,no\0mbre\n1,Ana\n")
    assert result.status == "refused"
    assert result.reason is not None
    assert result.reason.startswith("Faltan columnas obligatorias: nif, nombre, provincia")


def test_a_dangling_link_is_refused(settings: Settings) -> None:
    (settings.datos_dir / "clientes.csv").symlink_to(settings.datos_dir / "no_existe")
    assert [file.status for file in load(settings).files] == ["refused"]
