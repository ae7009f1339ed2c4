"""Los mismos productos en cada formato que se lee, tal cual y comprimidos: siempre las mismas filas."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from etl.settings import Settings
from own_rows import CLIENTES, PRODUCTOS, cliente, clientes, load, load_one, numbers, producto, query, rejects, write

pytestmark = pytest.mark.any_server

# Lo que dice el archivo, escrito con los tipos de cada formato.
ROWS: list[dict[str, object]] = [
    {
        "cliente_id": 1, "nif": "12345678Z", "nombre": 'Begoña "la de Cuenca"; y hermanos,\nS. L.',
        "email": None, "provincia": "Cuenca", "codigo_postal": "01001",
        "fecha_alta": date(2024, 2, 29), "fecha_nacimiento": date(1970, 1, 1),
    },
    {
        "cliente_id": 2, "nif": "00000001R", "nombre": "Íñigo", "email": "i@correo.es",
        "provincia": "Ávila", "codigo_postal": "05001",
        "fecha_alta": date(2023, 12, 31), "fecha_nacimiento": None,
    },
]  # fmt: skip
NAMES = list(ROWS[0])
LOADED = [tuple(row.values()) for row in ROWS]


def delimited(delimiter: str) -> bytes:
    def cell(value: object) -> str:
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"' if set(text) & {'"', "\n", delimiter} else text

    lines = [NAMES, *([cell(value) for value in row.values()] for row in ROWS)]
    return "".join(delimiter.join(line) + "\n" for line in lines).encode()


def json_lines() -> bytes:
    return "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in ROWS).encode()


def in_parquet() -> bytes:
    output = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), output)
    return output.getvalue()


def in_excel() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (NAMES, *LOADED):
        sheet.append(line)
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return output.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "csv": lambda: delimited(","),
    # Se declaró la coma, pero el nombre dice que son tabuladores.
    "tsv": lambda: delimited("\t"),
    "jsonl": json_lines,
    "parquet": in_parquet,
    "xlsx": in_excel,
}
WRAPPINGS: dict[str, Callable[[str, bytes], tuple[str, bytes]]] = {
    "tal cual": lambda name, data: (name, data),
    "gz": lambda name, data: (f"{name}.gz", gzip.compress(data)),
    "bz2": lambda name, data: (f"{name}.bz2", bz2.compress(data)),
    "xz": lambda name, data: (f"{name}.xz", lzma.compress(data)),
    "zst": lambda name, data: (f"{name}.zst", pa.compress(data, "zstd", asbytes=True)),
    "zip": lambda name, data: ("varios.zip", zipped(f"carpeta/{name}", data)),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_rows(settings: Settings, suffix: str, wrapping: str) -> None:
    name, data = WRAPPINGS[wrapping](f"clientes.{suffix}", FORMATS[suffix]())
    result = load_one(settings, name, data)
    assert (result.status, result.reason, numbers(result)) == ("loaded", None, (2, 2, 0, 0, 0))
    assert query(settings, f"SELECT {', '.join(NAMES)} FROM datos.clientes ORDER BY 1") == LOADED
    assert load_one(settings, name, data).status == "skipped"


def test_declared_rules_hold_in_every_format(settings: Settings) -> None:
    bad = {**ROWS[0], "cliente_id": 3, "codigo_postal": "1"}
    output = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist([*ROWS, bad]), output)
    result = load_one(settings, "clientes.parquet", output.getvalue())
    assert numbers(result) == (3, 2, 0, 0, 1)
    assert rejects(settings) == [(3, "pattern", "codigo_postal")]


def test_decimal_commas_are_of_the_text_and_not_of_the_typed_formats(settings: Settings) -> None:
    columns = {"producto_id": [1], "nombre": ["Pan"], "categoria": ["Alimentación"], "precio": [Decimal("1234.56")]}
    columns |= {"coste": [0.4], "peso_kg": [None], "activo": [True]}
    output = io.BytesIO()
    parquet.write_table(pa.table(columns), output)
    load_one(settings, "productos_a.parquet", output.getvalue())
    load_one(settings, "productos_b.csv", (PRODUCTOS + producto(2, precio="1.234,56")).encode("latin-1"))
    assert query(settings, "SELECT precio FROM datos.productos ORDER BY producto_id") == [Decimal("1234.56")] * 2


# --- Lo que tiene cada uno -------------------------------------------------------------------


def test_a_key_that_appears_late_in_json_lines_is_not_lost(settings: Settings) -> None:
    base = dict(ROWS[0]) | {"nombre": "Ana"}
    del base["email"], base["fecha_nacimiento"]
    rows = [base | {"cliente_id": number} for number in range(1, 1500)]
    rows.append(base | {"cliente_id": 1500, "email": "tarde@correo.es"})
    load_one(settings, "clientes.jsonl", "".join(json.dumps(row, default=str) + "\n" for row in rows))
    found = query(settings, "SELECT count(*), count(email), max(email) FROM datos.clientes")
    assert found == [(1500, 1, "tarde@correo.es")]


def test_the_other_sheets_of_a_declared_workbook_are_announced(settings: Settings) -> None:
    book = openpyxl.Workbook()
    empty, first, second = book.active, book.create_sheet("Clientes"), book.create_sheet("Más")
    assert empty is not None
    for sheet, row in ((first, LOADED[0]), (second, LOADED[1])):
        sheet.append(NAMES)
        sheet.append(row)
    output = io.BytesIO()
    book.save(output)
    result = load_one(settings, "clientes.xlsx", output.getvalue())
    assert (numbers(result), result.warnings) == (
        (1, 1, 0, 0, 0),
        ["solo se carga la hoja «Clientes»; las demás no: Más"],
    )


def test_each_member_of_a_zip_goes_to_its_own_table(settings: Settings) -> None:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("ventas/clientes.csv", CLIENTES + cliente(1))
        archive.writestr("productos.csv", (PRODUCTOS + producto(1)).encode("latin-1"))
        archive.writestr("../clientes_fuera.csv", CLIENTES + cliente(2))
        archive.writestr("otro.zip", b"")
    write(settings, "todo.zip", output.getvalue())
    files = {file.file: file.status for file in load(settings).files}
    assert files == {
        "todo.zip/ventas/clientes.csv": "loaded",
        "todo.zip/productos.csv": "loaded",
        "todo.zip/../clientes_fuera.csv": "refused",
        "todo.zip/otro.zip": "refused",
    }
    assert clientes(settings) == [(1, "Ana")]


@pytest.mark.parametrize("suffix", ["parquet", "xlsx"])
@pytest.mark.parametrize("wrapping", ["tal cual", "gz", "zip"])
def test_a_damaged_workbook_is_refused(settings: Settings, suffix: str, wrapping: str) -> None:
    data = FORMATS[suffix]()
    result = load_one(settings, *WRAPPINGS[wrapping](f"clientes.{suffix}", data[: len(data) // 2]))
    assert (result.status, clientes(settings)) == ("refused", [])
