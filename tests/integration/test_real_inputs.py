"""Archivos como los que de verdad llegan: lo que cada clase debe dar. Hechos a partir de fallos que contó alguien."""

import gzip
import json
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from pyarrow import parquet

from etl.run import FileResult
from etl.settings import Settings
from own_rows import CLIENTES, VENTAS, cliente, load_one, numbers, query, run_with, venta, write, write_parents
from own_rows import load as load_own

pytestmark = pytest.mark.any_server

# Archivo -> tipos de sus columnas, sus filas y un trozo de cada aviso, en orden.
TEXTS: dict[str, tuple[str, dict[str, str], list[tuple[Any, ...]], list[str]]] = {
    "indice.csv": (
        ",producto,precio\n0,lápiz,1.20\n1,goma,0.80\n",
        {"columna_1": "bigint", "producto": "text", "precio": "numeric"},
        [(0, "lápiz", Decimal("1.20")), (1, "goma", Decimal("0.80"))],
        ["«columna_1»"],
    ),
    "repetida.csv": (
        "id,telefono,Teléfono\n1,600,910\n",
        {"id": "bigint", "telefono": "bigint", "telefono_2": "bigint"},
        [(1, 600, 910)],
        ["«Teléfono» es «telefono_2»"],
    ),
    "reservadas.csv": (
        "order,desde,user\n1,2,a\n",
        {"order_": "bigint", "desde": "bigint", "user_": "text"},
        [(1, 2, "a")],
        ["«order» es «order_», «user» es «user_»"],
    ),
    "cola.csv": ("a;b;;\n1;2;;\n3;4;;\n", {"a": "bigint", "b": "bigint"}, [(1, 2), (3, 4)], ["se quitan: 2"]),
    "cabecera_aparte.csv": (
        "nombre;edad\nAna,5\nEva,6\n",
        {"nombre": "text", "edad": "bigint"},
        [("Ana", 5), ("Eva", 6)],
        ["se ha cortado por su separador"],
    ),
    "vacias.csv": (
        "r,g,alfa\n255,0,0.3\n,,\n1,2,0.6\n,,\n,,\n",
        {"r": "bigint", "g": "bigint", "alfa": "numeric"},
        [(255, 0, Decimal("0.3")), (1, 2, Decimal("0.6"))],
        ["solo llevan separadores"],
    ),
    "entrecomilladas.csv": (
        'nombre,zona\n"",""\nx,y\n',
        {"nombre": "text", "zona": "text"},
        [("", ""), ("x", "y")],
        [],
    ),
    "versiones.csv": (
        "paquete,version\nuno,3.9\ndos,3.10\ntres,3.1\n",
        {"paquete": "text", "version": "text"},
        [("uno", "3.9"), ("dos", "3.10"), ("tres", "3.1")],
        ["«3.10» y «3.1» son el mismo número"],
    ),
    "precios.csv": (
        "id,precio\n1,3.10\n2,3.1\n3,3.1\n",
        {"id": "bigint", "precio": "numeric"},
        [(1, Decimal("3.10")), (2, Decimal("3.10")), (3, Decimal("3.10"))],
        ["son el mismo número"],
    ),
    "paises.csv": (
        "codigo,puerto\nNO,Oslo\nNO,Bergen\n",
        {"codigo": "text", "puerto": "text"},
        [("NO", "Oslo"), ("NO", "Bergen")],
        ["solo dice «no»"],
    ),
    "respuestas.csv": ("id,sí o no\n1,SI\n2,NO\n", {"id": "bigint", "si_o_no": "boolean"}, [(1, True), (2, False)], []),
    "cientifica.csv": (
        "gen,p\nA1,3.7e-09\nA2,0.25\nA3,1\n",
        {"gen": "text", "p": "numeric"},
        [("A1", Decimal("3.7E-9")), ("A2", Decimal("0.25")), ("A3", Decimal(1))],
        [],
    ),
    "enorme.csv": (
        "gen,p\nA1,3.7e-300\nA2,0.25\n",
        {"gen": "text", "p": "double precision"},
        [("A1", 3.7e-300), ("A2", 0.25)],
        [],
    ),
    "codigos.csv": (
        "n,codigo\n1,1e5\n2,2E10\n",
        {"n": "bigint", "codigo": "text"},
        [(1, "1e5"), (2, "2E10")],
        ["«1e5» puede ser un número o un código"],
    ),
    "relleno.csv": (
        "condado,activos,paro\nAlfa,25649   ,5.3   \nBeta, ,5.4\n",
        {"condado": "text", "activos": "bigint", "paro": "numeric"},
        [("Alfa", 25649, Decimal("5.3")), ("Beta", None, Decimal("5.4"))],
        [],
    ),
    "millares.csv": (
        'condado,activos,paro\nAlfa,25,5.3\nBeta,"89,931",5.4\n',
        {"condado": "text", "activos": "bigint", "paro": "numeric"},
        [("Alfa", 25, Decimal("5.3")), ("Beta", 89931, Decimal("5.4"))],
        ["«,» se toma como signo de millar"],
    ),
    "a_veces.csv": (
        "finca;importe\nA;1.152,91\nB;4805\n",
        {"finca": "text", "importe": "numeric"},
        [("A", Decimal("1152.91")), ("B", Decimal("4805.00"))],
        [],
    ),
    "culpa.csv": (
        "codigo,huso\na,1\nb,2\nc,-3.5\nd,4\ne,\\N\n",
        {"codigo": "text", "huso": "text"},
        [("a", "1"), ("b", "2"), ("c", "-3.5"), ("d", "4"), ("e", "\\N")],
        ["«\\N» (línea 6), que no es decimal con punto; si significa «sin valor»"],
    ),
    "sin_ceros.csv": (
        "n,fecha\n1,2014-7-1\n2,2014-12-31\n",
        {"n": "bigint", "fecha": "date"},
        [(1, datetime(2014, 7, 1).date()), (2, datetime(2014, 12, 31).date())],
        [],
    ),
    "dos_cifras.csv": (
        "n,fecha\n1,14-01-01\n2,14-02-01\n",
        {"n": "bigint", "fecha": "text"},
        [(1, "14-01-01"), (2, "14-02-01")],
        ["no se sabe qué parte es el día"],
    ),
    "solo_asi.csv": (
        "n,fecha\n1,99-01-31\n2,98-02-28\n",
        {"n": "bigint", "fecha": "date"},
        [(1, datetime(1999, 1, 31).date()), (2, datetime(1998, 2, 28).date())],
        ["años de dos cifras"],
    ),
    "anio.csv": (
        "estado,2021\nAlfa,-29.5\nBeta,-14.6\nGama,7.5\n",
        {"estado": "text", "n_2021": "numeric"},
        [("Alfa", Decimal("-29.5")), ("Beta", Decimal("-14.6")), ("Gama", Decimal("7.5"))],
        [],
    ),
    "sin_dato.csv": (
        "prov,empleo\nSO,**\nAV,**\nTE,160\nHU,180\nLU,90\n",
        {"prov": "text", "empleo": "text"},
        [("SO", "**"), ("AV", "**"), ("TE", "160"), ("HU", "180"), ("LU", "90")],
        ["por «**» (línea 2), que no es entero"],
    ),
    "de_r.tsv": (
        "marca\tkm\n1\tseat\t18\n2\tseat\t21\n3\topel\t20\n",
        {"columna_1": "bigint", "marca": "text", "km": "bigint"},
        [(1, "seat", 18), (2, "seat", 21), (3, "opel", 20)],
        ["un nombre menos que las filas"],
    ),
    "grupos.csv": (
        "Viajes,,,Otros\nAvión,Tren,Taxi,Coche\n1,2,3,4\n2,3,4,5\n",
        dict.fromkeys(("viajes_avion", "viajes_tren", "viajes_taxi", "otros_coche"), "bigint"),
        [(1, 2, 3, 4), (2, 3, 4, 5)],
        ["La cabecera ocupa 2 filas"],
    ),
    "huecos.csv": (
        "Región,,Ventas\n,Tienda,\nNorte,A,1\nSur,B,3\n",
        {"region": "text", "tienda": "text", "ventas": "bigint"},
        [("Norte", "A", 1), ("Sur", "B", 3)],
        ["La cabecera ocupa 2 filas"],
    ),
    "barras.csv": (
        'id,texto,ruta\n1,"dijo \\"x\\"",C:\\temp\\nuevo\n2,"C:\\tmp \\"y\\"",D:\\a\n3,"z","E:\\\\b"\n',
        {"id": "bigint", "texto": "text", "ruta": "text"},
        [(1, 'dijo "x"', "C:\\temp\\nuevo"), (2, 'C:\\tmp "y"', "D:\\a"), (3, "z", "E:\\b")],
        ["barra invertida"],
    ),
    "control.csv": (
        "id,t\n1,5\u0080\n2,x\n",
        {"id": "bigint", "t": "text"},
        [(1, "5\u0080"), (2, "x")],
        ["U+0080, línea 2"],
    ),
    "dos_listas.json": (
        '[{"a": 1}, {"a": 2.5}]\n[{"a": 3}]',
        {"a": "numeric"},
        [(Decimal("1.0"),), (Decimal("2.5"),), (Decimal("3.0"),)],
        [],
    ),
    "pegados.json": ('{"a": 1}{"a": 2}', {"a": "bigint"}, [(1,), (2,)], []),
    "textos.jsonl": (
        '{"cp": "28001", "si": "NO", "v": "3.10", "dia": "2024-03-01", "n": 1e5}\n',
        {"cp": "text", "si": "text", "v": "text", "dia": "date", "n": "numeric"},
        [("28001", "NO", "3.10", datetime(2024, 3, 1).date(), Decimal(100000))],
        [],
    ),
    "puntos.geojson": (
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point",'
        ' "coordinates": [-3.7, 40.4]}, "properties": {"barrio": "Centro", "hab": 120}}]}',
        {"barrio": "text", "hab": "bigint", "geometry": "jsonb"},
        [("Centro", 120, {"type": "Point", "coordinates": [-3.7, 40.4]})],
        [],
    ),
}


def load(settings: Settings, name: str, content: bytes | None = None) -> FileResult:
    path = settings.datos_dir / name
    if content is not None:
        path.write_bytes(content)
    return run_with(settings, [], path).files[0]


def found(settings: Settings, result: FileResult) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Los tipos de las columnas de su tabla, y las filas en su orden."""
    types = dict(
        query(
            settings,
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
            f" WHERE attrelid = '{result.table}'::regclass AND attnum > 0 AND attname !~ '^_' ORDER BY attnum",
        )
    )
    rows = query(settings, f"SELECT {', '.join(types)}, 0 FROM {result.table} ORDER BY _line")
    return types, [row[:-1] for row in rows]


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_gives_its_rows_its_types_and_its_warnings(settings: Settings, name: str) -> None:
    content, types, rows, warnings = TEXTS[name]
    result = load(settings, name, content.encode())
    assert (result.status, result.reason) == ("loaded", None)
    assert found(settings, result) == (types, rows)
    assert len(result.warnings) == len(warnings), result.warnings
    assert all(piece in told for piece, told in zip(warnings, result.warnings, strict=True)), result.warnings


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("cortada.json", b'[\n{"a": 1},\n{"a": 2},\n', "falta el final de la lista"),
        ("resto.json", b'[{"a": 1}] fin', "cortado o mal escrito"),
        ("no_es.csv.gz", b"id,v\n1,2\n", "dentro hay otra cosa"),
    ],
)
def test_what_is_not_whole_is_refused(settings: Settings, name: str, content: bytes, reason: str) -> None:
    result = load(settings, name, content)
    assert (result.status, reason in (result.reason or "")) == ("refused", True), result.reason


def test_a_hard_space_of_windows_is_not_a_letter_of_dos(settings: Settings) -> None:
    result = load(settings, "duro.csv", "persona,acto\nAna,Bar de\u00a0Ana\nEva,Cena\u00a0con\n".encode("cp1252"))
    assert found(settings, result)[1] == [("Ana", "Bar de\u00a0Ana"), ("Eva", "Cena\u00a0con")]


def test_a_late_value_in_a_nameless_last_column_is_kept(settings: Settings) -> None:
    rows = "".join(f"{n};2;;\n" for n in range(20_000))
    result = load(settings, "tarde.csv", f"a;b;;\n{rows}1;2;x;\n".encode())
    assert result.counts.loaded == 20_001
    assert query(settings, "SELECT columna_3 FROM staging.tarde WHERE columna_3 IS NOT NULL") == ["x"]


# --- SQLite y .zip ---------------------------------------------------------------------------


def test_a_database_is_read_with_what_waits_beside_it(settings: Settings) -> None:
    path = settings.datos_dir / "moviles.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE notas (id INTEGER, texto TEXT)")
    connection.execute("INSERT INTO notas VALUES (1, 'uno'), (2, 'dos')")
    connection.commit()
    before = {one.name: one.read_bytes() for one in settings.datos_dir.iterdir() if not one.name.endswith("-shm")}
    results = run_with(settings, []).files
    after = {one.name: one.read_bytes() for one in settings.datos_dir.iterdir() if not one.name.endswith("-shm")}
    connection.close()
    assert [(one.file, one.counts.loaded) for one in results] == [("moviles.db/notas", 2)]
    assert before == after
    assert "moviles.db-wal" in before


def test_what_sqlite_stores_keeps_its_type(settings: Settings) -> None:
    with sqlite3.connect(settings.datos_dir / "t.sqlite") as connection:
        connection.execute("CREATE TABLE t (id INTEGER, medida REAL, cp TEXT, dia TEXT, foto BLOB)")
        connection.execute("INSERT INTO t VALUES (1, 1e-05, '28001', '2024-03-01', x'00ff')")
        connection.execute("INSERT INTO t VALUES (2, 3, CAST(x'61f1' AS TEXT), '2024-03-02', NULL)")
        connection.execute("CREATE VIRTUAL TABLE busca USING fts5(texto)")
    connection.close()
    [result] = run_with(settings, []).files
    assert found(settings, result) == (
        {"id": "bigint", "medida": "double precision", "cp": "text", "dia": "date", "foto": "bytea"},
        [(1, 1e-05, "28001", datetime(2024, 3, 1).date(), b"\x00\xff")],
    )
    assert query(settings, "SELECT code FROM etl.rejects") == ["encoding"]
    assert ["busca" in told for told in result.warnings] == [True]


def test_a_big_table_of_sqlite_is_read_whole(settings: Settings) -> None:
    with sqlite3.connect(settings.datos_dir / "g.sqlite") as connection:
        connection.execute("CREATE TABLE g (id INTEGER)")
        connection.executemany("INSERT INTO g VALUES (?)", ((number,) for number in range(50_000)))
    connection.close()
    assert run_with(settings, []).files[0].counts.loaded == 50_000


def test_a_zip_follows_the_rules_of_a_folder(settings: Settings) -> None:
    with zipfile.ZipFile(settings.datos_dir / "c.zip", "w") as archive:
        for name in ("datos.csv", "README.txt", ".DS_Store", "Thumbs.db", "__MACOSX/datos.csv"):
            archive.writestr(name, "id,v\n1,2\n")
    assert [one.file for one in run_with(settings, []).files] == ["c.zip/datos.csv"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused_and_not_read_twice(settings: Settings) -> None:
    with zipfile.ZipFile(settings.datos_dir / "d.zip", "w") as archive:
        for value in (1, 2):
            archive.writestr("lago.csv", f"id\n{value}\n")
    [result] = run_with(settings, []).files
    assert (result.status, "dos archivos con este nombre" in (result.reason or "")) == ("refused", True)


# --- Libros ----------------------------------------------------------------------------------


def book(settings: Settings, fill: Callable[[Worksheet], None], name: str = "libro.xlsx") -> FileResult:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    fill(sheet)
    workbook.save(settings.datos_dir / name)
    return load(settings, name)


def test_a_cell_without_a_real_value_is_told(settings: Settings) -> None:
    def fill(sheet: Worksheet) -> None:
        for row in (["id", "ratio", "total"], [1, 0.5, "=A2*2"], [2, "#DIV/0!", "=A3*2"]):
            sheet.append(row)
        sheet["B3"].data_type = "e"

    result = book(settings, fill)
    assert [told.split(" (")[0] for told in result.warnings] == [
        "Celdas con un error, que quedan sin valor: 1",
        "Celdas con una fórmula sin calcular, que quedan sin valor: 2",
    ]
    assert ["la primera, B3" in result.warnings[0], "la primera, C2" in result.warnings[1]] == [True, True]


def test_merged_cells_are_told_and_not_repeated(settings: Settings) -> None:
    def fill(sheet: Worksheet) -> None:
        for row in (["region", "ventas"], ["Norte", 1], [None, 2]):
            sheet.append(row)
        sheet.merge_cells("A2:A3")

    result = book(settings, fill)
    assert found(settings, result)[1] == [("Norte", 1), (None, 2)]
    assert ["A2:A3" in told for told in result.warnings] == [True]


def test_a_duration_is_an_interval_and_a_row_has_the_number_that_excel_shows(settings: Settings) -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["B4"], sheet["C4"] = "empleado", "horas"
        for row, hours in enumerate((timedelta(hours=30, minutes=5), timedelta(hours=-3, minutes=-12)), start=5):
            sheet.cell(row, 2, row)
            sheet.cell(row, 3, hours).number_format = "[h]:mm:ss"

    result = book(settings, fill)
    assert found(settings, result)[0] == {"empleado": "bigint", "horas": "interval"}
    assert query(settings, "SELECT horas::text || ' ' || _line FROM staging.libro ORDER BY _line") == [
        "30:05:00 5",
        "-03:12:00 6",
    ]


# --- Parquet ---------------------------------------------------------------------------------


def test_parquet_keeps_its_types(settings: Settings) -> None:
    zone = timezone(timedelta(hours=1))
    table = pa.table(
        {
            "cp": pa.array(["28001", "NO"]),
            "cuando": pa.array([datetime(2024, 3, 1, 10), None], pa.timestamp("ns")),
            "zona": pa.array([datetime(2024, 3, 1, 11, tzinfo=zone), None], pa.timestamp("us", "Europe/Madrid")),
            "doble": pa.array([1e20, float("nan")]),
            "entero": pa.array([7, None], pa.int16()),
            "lista": pa.array([[1, 2], None]),
            "bytes": pa.array([b"\xff\x00", None], pa.binary()),
            "rato": pa.array([timedelta(hours=30), None], pa.duration("us")),
            "importe": pa.array([Decimal("1.234"), None], pa.decimal128(10, 3)),
        }
    )
    parquet.write_table(table, settings.datos_dir / "tipos.parquet")
    result = load(settings, "tipos.parquet")
    types, rows = found(settings, result)
    assert types == {
        "cp": "text",
        "cuando": "timestamp without time zone",
        "zona": "timestamp with time zone",
        "doble": "double precision",
        "entero": "bigint",
        "lista": "jsonb",
        "bytes": "bytea",
        "rato": "interval",
        "importe": "numeric",
    }
    assert rows[0][:2] == ("28001", datetime(2024, 3, 1, 10))
    assert rows[0][2] == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert (rows[0][3], str(rows[1][3])) == (1e20, "nan")
    assert rows[0][4:] == (7, [1, 2], b"\xff\x00", timedelta(hours=30), Decimal("1.234"))
    assert result.warnings == []


def test_nanoseconds_that_would_be_lost_stay_as_text(settings: Settings) -> None:
    table = pa.table({"cuando": pa.array([1_700_000_000_000_000_001], pa.timestamp("ns"))})
    parquet.write_table(table, settings.datos_dir / "nanos.parquet")
    result = load(settings, "nanos.parquet")
    assert found(settings, result)[0] == {"cuando": "text"}


# --- Declarados ------------------------------------------------------------------------------


def test_a_list_and_dates_as_declared_are_loaded_from_json(settings: Settings) -> None:
    sale = {"cliente_id": None, "producto_id": 1, "tienda_id": 1, "cantidad": 1, "precio_unitario": 2.5}
    sales = [
        {"venta_id": number, "fecha_venta": day, "descuento_pct": 0, "canal": "web"} | sale
        for number, day in enumerate(("15/01/2025", "2025-01-16", "17-01-2025"), start=1)
    ]
    write_parents(settings)
    write(settings, "ventas_api.json", json.dumps(sales, indent=1))
    assert [one.status for one in load_own(settings).files] == ["loaded"] * 3
    assert query(settings, "SELECT fecha_venta FROM datos.ventas ORDER BY 1") == [
        datetime(2025, 1, 15).date(),
        datetime(2025, 1, 16).date(),
    ]
    [message] = query(settings, "SELECT message FROM etl.rejects")
    assert "se leyó «17-01-2025» y se esperaba una fecha que exista, escrita «dd/mm/aaaa»" in message


def test_days_stored_as_midnights_are_days(settings: Settings) -> None:
    write_parents(settings)
    sale = {"cliente_id": [None], "producto_id": [1], "tienda_id": [1], "cantidad": [1], "precio_unitario": [2.5]}
    table = pa.table(
        {"venta_id": [1], "fecha_venta": pa.array([datetime(2025, 1, 15)], pa.timestamp("ns")), **sale}
        | {"descuento_pct": [0], "canal": ["web"]}
    )
    parquet.write_table(table, settings.datos_dir / "ventas_1.parquet")
    assert load_own(settings).files[-1].counts.loaded == 1
    assert query(settings, "SELECT fecha_venta FROM datos.ventas") == [datetime(2025, 1, 15).date()]


def test_a_declared_row_with_an_error_in_a_cell_is_set_aside(settings: Settings) -> None:
    write_parents(settings)
    header, good = VENTAS.strip().split(","), venta(1, fecha_venta="2025-01-15").strip().split(",")

    def fill(sheet: Worksheet) -> None:
        for row in (header, good, [*good[:5], "#N/A", *good[6:]]):
            sheet.append(row)
        sheet["F3"].data_type = "e"

    workbook = openpyxl.Workbook()
    fill(workbook.active)
    workbook.save(settings.datos_dir / "ventas_1.xlsx")
    result = load_own(settings).files[-1]
    assert numbers(result)[:2] == (2, 1)
    assert query(settings, "SELECT line, code FROM etl.rejects") == [(3, "odd_cell")]


def test_a_blank_row_is_no_row_of_a_declared_file_either(settings: Settings) -> None:
    result = load_one(settings, "clientes.csv", CLIENTES, cliente(1), ",,,,,,,\n", ",,\n", cliente(2))
    assert numbers(result) == (2, 2, 0, 0, 0)
    assert result.warnings == ["líneas que solo llevan separadores, que no cuentan como filas: 2"]


def test_gzip_is_still_read(settings: Settings) -> None:
    assert load(settings, "a.csv.gz", gzip.compress(b"id,v\n1,2\n")).counts.loaded == 1


def test_a_sign_that_nobody_writes_is_told_wherever_it_is(settings: Settings) -> None:
    """También lejos del principio, y en un formato con tipos."""
    rows = "".join(f"{number},una fila como las demás\n" for number in range(60_000))
    result = load_one(settings, "lejos.csv", "id,nota\n" + rows + "60000,5\u0080\n" + rows.replace("\n", "\u0099\n", 1))
    assert [warning for warning in result.warnings if "U+" in warning] == [
        "Hay signos que nadie escribe (U+0080, línea 60002): era texto en cp1252; pídalo otra vez."
    ]
    parquet.write_table(pa.table({"nota": ["a", "5\u0085", "5\u0099"]}), settings.datos_dir / "notas.parquet")
    [file] = run_with(settings, [], settings.datos_dir / "notas.parquet").files
    assert [warning[:46] for warning in file.warnings] == ["Hay signos que nadie escribe (U+0099, línea 3)"]


def test_a_damaged_json_in_utf16_is_refused_and_is_no_failure_of_ours(settings: Settings) -> None:
    result = load_one(settings, "cortado.json", '[{"id": 1}]'.encode("utf-16") + b"9")
    assert (result.status, "cortado" in str(result.reason)) == ("refused", True), result.reason
