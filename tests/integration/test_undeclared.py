"""Un archivo que nadie declaró acaba en `staging` con los tipos que dicen todas sus filas."""

import bz2
import gzip
import json
import lzma
import sqlite3
import time
import zipfile
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from declared.clientes import Cliente
from etl.dataset import declared
from etl.extract.source import Source
from etl.run import FileResult, open_session
from etl.settings import Settings
from extras.document import layout
from own_rows import CLIENTES, PARTS, cliente, run_with, silent
from support import connect_settings

pytestmark = pytest.mark.any_server


def write(settings: Settings, name: str, content: str | bytes) -> Path:
    path = settings.datos_dir / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load(settings: Settings, as_text: bool = False) -> dict[str, FileResult]:
    result = run_with(settings, [], as_text=as_text)
    return {file.file: file for file in result.files}


def load_one(settings: Settings, name: str, content: str | bytes) -> FileResult:
    write(settings, name, content)
    return load(settings)[name]


def query(settings: Settings, text: str) -> list[tuple[Any, ...]]:
    with connect_settings(settings) as connection:
        return connection.execute(text).fetchall()


def types(settings: Settings, table: str) -> dict[str, str]:
    rows = query(
        settings,
        "SELECT column_name, data_type FROM information_schema.columns"
        f" WHERE table_schema = 'staging' AND table_name = '{table}' ORDER BY ordinal_position",
    )
    return {name: data_type for name, data_type in rows if not name.startswith("_")}


def test_of_a_long_file_every_row_says_its_load_too(settings: Settings) -> None:
    load_one(settings, "corto.csv", "a,b\n1,2\n")
    load_one(settings, "largo.csv", "a,b\n" + "1,2\n" * 20_000)
    [(own,)] = query(settings, "SELECT load_id FROM etl.loads WHERE file = 'largo.csv'")
    found = query(settings, "SELECT _load_id, count(*), count(DISTINCT _line) FROM staging.largo GROUP BY 1")
    assert found == [(own, 20_000, 20_000)]
    # Una fila que alguien ponga a mano no es de esa carga sin decirlo.
    default = (
        "SELECT column_default FROM information_schema.columns WHERE table_name = '{}' AND column_name = '_load_id'"
    )
    assert query(settings, default.format("largo")) == query(settings, default.format("corto")) == [(None,)]


def test_types_are_inferred_and_values_exact(settings: Settings) -> None:
    result = load_one(
        settings,
        "precios.csv",
        "id;código;precio;alta;visto;activo;nota\n"
        "1;00123;1.234,50;31/12/2023;2024-01-05 10:30:00;sí;\n"
        "2;00045;12,25;01/02/2024;2024-01-06T08:00;no;hola\n",
    )
    assert (result.status, result.table, result.warnings) == ("loaded", "staging.precios", [])
    assert types(settings, "precios") == {
        "id": "bigint",
        "codigo": "text",
        "precio": "numeric",
        "alta": "date",
        "visto": "timestamp without time zone",
        "activo": "boolean",
        "nota": "text",
    }
    assert query(settings, "SELECT * FROM staging.precios ORDER BY _line") == [
        (1, "00123", Decimal("1234.50"), date(2023, 12, 31), datetime(2024, 1, 5, 10, 30), True, None, 2, 1),
        (2, "00045", Decimal("12.25"), date(2024, 2, 1), datetime(2024, 1, 6, 8, 0), False, "hola", 3, 1),
    ]


def test_original_names_are_kept_as_comments(settings: Settings) -> None:
    load_one(settings, "Año 2024.csv", 'Código postal,"x""; DROP TABLE ventas; --",SELECT\n1,2,3\n')
    comments = query(
        settings,
        "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid = 'staging.anio_2024'::regclass AND attnum > 0 ORDER BY attnum",
    )
    assert comments[:3] == [
        ("codigo_postal", "Código postal"),
        ("x_drop_table_ventas", 'x"; DROP TABLE ventas; --'),
        ("select_", "SELECT"),
    ]


def test_a_late_row_that_does_not_fit_changes_the_type_and_is_not_lost(settings: Settings) -> None:
    rows = "".join(f"{n},{n}.5\n" for n in range(400_000))
    result = load_one(settings, "tarde.csv", f"id,valor\n{rows}A-1,7.125\n")
    assert (result.counts.loaded, result.counts.rejected) == (400_001, 0)
    assert types(settings, "tarde") == {"id": "text", "valor": "numeric"}
    assert query(settings, "SELECT id, valor FROM staging.tarde WHERE _line = 400002") == [("A-1", Decimal("7.125"))]
    assert any("«A-1» (línea 400002)" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("usual", "last", "kind", "kept"),
    [
        # Más decimales, o un exponente que no cabe en un decimal: se miran todas y el tipo es otro.
        ("{n}.25e-2", "1.25e-9", "numeric", "0.00000000125"),
        ("{n}.5e3", "1.5e60", "double precision", "1.5e+60"),
        # Lo que en coma flotante sería otro número, infinito o cero se queda como está escrito.
        ("{digit}.5e-40", "1.23456789012345678e-40", "text", "1.23456789012345678e-40"),
        ("{digit}.5e-40", "1e400", "text", "1e400"),
        ("{digit}.5e-40", "1e-400", "text", "1e-400"),
        ("{digit}.5e-40", "0e-400", "double precision", "0"),
        # Si ningún texto se repite y dos son el mismo número, parecen versiones.
        ("{n}.{digit}", "12.40", "text", "12.40"),
    ],
)
def test_a_number_after_the_first_rows_changes_the_type_before_it_changes(
    settings: Settings, usual: str, last: str, kind: str, kept: str
) -> None:
    lines = [usual.format(n=n, digit=n % 9 + 1) for n in range(12_000)]
    result = load_one(
        settings, "datos.csv", "fila,valor\n" + "".join(f"{n},{v}\n" for n, v in enumerate([*lines, last]))
    )
    assert (result.status, result.counts.loaded) == ("loaded", 12_001)
    assert types(settings, "datos")["valor"] == kind
    assert query(settings, "SELECT valor::text FROM staging.datos WHERE fila = 12000") == [(kept,)]


def test_a_column_empty_at_the_beginning_gets_its_type_later(settings: Settings) -> None:
    rows = "".join(f"{n},\n" for n in range(300_000))
    result = load_one(settings, "hueca.csv", f"id,fecha\n{rows}9,2024-01-05\n")
    assert result.counts.loaded == 300_001
    assert types(settings, "hueca")["fecha"] == "date"


def test_what_can_be_read_two_ways_stays_text_and_says_what_to_declare(settings: Settings) -> None:
    result = load_one(
        settings, "dudas.csv", "id;miles;fecha;corta\n1;1.234;03/04/2024;31/12/24\n2;5.678;05/06/2024;01/01/25\n"
    )
    assert types(settings, "dudas") == {"id": "bigint", "miles": "text", "fecha": "text", "corta": "text"}
    about = [warning.split("»")[0] for warning in result.warnings]
    assert about == ["Columna «miles", "Columna «fecha", "Columna «corta"]
    assert "declare" in result.warnings[0]


def test_lists_with_commas_are_text_where_decimals_have_points(settings: Settings) -> None:
    load_one(settings, "cpu.csv", 'modelo,precio,nucleos\nA,129.99,"2,8"\nB,98.5,"800,2000"\n')
    assert types(settings, "cpu") == {"modelo": "text", "precio": "numeric", "nucleos": "text"}


def test_a_word_for_nothing_is_null_only_if_declared(settings: Settings) -> None:
    result = load_one(settings, "nd.csv", "id,n\n1,5\n2,N/D\n3,7\n4,8\n")
    assert types(settings, "nd")["n"] == "text"
    assert any("«N/D» (línea 3)" in warning and "nulls" in warning for warning in result.warnings)


def test_a_date_that_does_not_exist_sets_its_row_aside(settings: Settings) -> None:
    rows = "".join(f"{n},{n % 28 + 1:02}/01/2024\n" for n in range(1, 40))
    result = load_one(settings, "fechas.csv", f"id,fecha\n{rows}99,31/02/2024\n")
    assert (result.counts.loaded, result.counts.rejected) == (39, 1)
    assert query(settings, "SELECT line, column_name, value FROM etl.rejects") == [(41, "fecha", "31/02/2024")]


def test_many_impossible_dates_mean_that_it_is_not_a_date(settings: Settings) -> None:
    rows = "".join(f"{n},{n}/02/2024\n" for n in range(1, 32))
    result = load_one(settings, "medidas.csv", f"id,fraccion\n{rows}" + "1,30/02/2024\n2,31/02/2024\n3,30/02/2024\n")
    assert (result.counts.loaded, types(settings, "medidas")["fraccion"]) == (34, "text")


def test_text_keeps_everything_as_it_was_written(settings: Settings) -> None:
    write(settings, "t.csv", 'id,x,y\n007,"",1.50\n8,,"a,b"\n')
    result = load(settings, as_text=True)["t.csv"]
    assert types(settings, "t") == {"id": "text", "x": "text", "y": "text"}
    assert query(settings, "SELECT id, x, y FROM staging.t ORDER BY _line") == [("007", "", "1.50"), ("8", None, "a,b")]
    assert layout(result)["dialect"] == {"delimiter": ",", "quote": '"', "escape": None, "line_end": "\n"}
    assert tuple(layout(result)[name] for name in ("encoding", "header", "preamble_rows")) == ("utf-8", True, 0)


def test_running_again_does_nothing_and_another_mode_loads_again(settings: Settings) -> None:
    write(settings, "a.csv", "id,n\n1,5\n")
    assert load(settings)["a.csv"].status == "loaded"
    assert load(settings)["a.csv"].status == "skipped"
    assert load(settings, as_text=True)["a.csv"].status == "loaded"
    assert types(settings, "a")["n"] == "text"
    assert load(settings)["a.csv"].status == "loaded"
    assert types(settings, "a")["n"] == "bigint"


def test_the_same_bytes_under_another_name_are_known(settings: Settings) -> None:
    path = write(settings, "a.csv", "id,n\n1,5\n")
    load(settings)
    path.rename(settings.datos_dir / "b.csv")
    result = load(settings)["b.csv"]
    assert (result.status, result.reason) == ("skipped", "su contenido ya está en staging.a")


def test_a_changed_file_replaces_its_table_and_adapts_the_types(settings: Settings) -> None:
    write(settings, "a.csv", "id,n\n1,5\n2,6\n")
    load(settings)
    write(settings, "a.csv", "id,n,extra\n1,5,x\n2,6.5,y\n3,7,z\n")
    assert load(settings)["a.csv"].counts.loaded == 3
    assert types(settings, "a") == {"id": "bigint", "n": "numeric", "extra": "text"}
    assert query(settings, "SELECT status FROM etl.loads ORDER BY load_id") == [("replaced",), ("loaded",)]
    assert query(settings, "SELECT relname FROM pg_class WHERE relnamespace = 'staging'::regnamespace") == [("a",)]


def test_a_table_with_a_view_on_it_is_not_dropped(settings: Settings) -> None:
    write(settings, "a.csv", "id,n\n1,5\n")
    load(settings)
    with connect_settings(settings) as connection:
        connection.execute("CREATE VIEW public.v AS SELECT * FROM staging.a")
    write(settings, "a.csv", "id,n\n1,6\n")
    result = load(settings)["a.csv"]
    assert result.status == "failed"
    assert "view" in (result.reason or "") or "vista" in (result.reason or "")
    assert query(settings, "SELECT n FROM public.v") == [(5,)]


def test_two_files_with_one_stem_do_not_share_a_table(settings: Settings) -> None:
    write(settings, "datos.csv", "id,n\n1,5\n")
    write(settings, "datos.tsv", "otro\tcosa\nx\ty\n")
    first = {name: file.table for name, file in load(settings).items()}
    assert sorted(first.values()) == ["staging.datos", "staging.datos_tsv"]
    assert {file.status for file in load(settings).values()} == {"skipped"}


def test_every_sheet_of_a_workbook_is_a_table(settings: Settings) -> None:
    book = Workbook()
    book.active.title = "Ventas"
    for row in (["Informe de ventas", None, None], [], ["id", "importe", "día"]):
        book.active.append(row)
    book.active.append([1, 1.234, date(2024, 1, 5)])
    book.active.append([2, 2.5, date(2024, 1, 6)])
    book.create_sheet("Tiendas 2").append(["código", "ciudad"])
    book["Tiendas 2"].append(["007", "Ávila"])
    book.create_sheet("Vacía")
    book.save(settings.datos_dir / "libro.xlsx")
    results = load(settings)
    assert {name: file.table for name, file in results.items()} == {
        "libro.xlsx/Ventas": "staging.libro_ventas",
        "libro.xlsx/Tiendas 2": "staging.libro_tiendas_2",
    }
    assert types(settings, "libro_ventas") == {"id": "bigint", "importe": "numeric", "dia": "date"}
    assert query(settings, "SELECT importe, _line FROM staging.libro_ventas ORDER BY 2") == [
        (Decimal("1.234"), 4),
        (Decimal("2.500"), 5),
    ]
    assert layout(results["libro.xlsx/Ventas"])["preamble_rows"] == 2
    assert query(settings, "SELECT codigo FROM staging.libro_tiendas_2") == [("007",)]


def test_of_a_compressed_workbook_the_sheets_that_are_not_loaded_are_named(settings: Settings) -> None:
    book = Workbook()
    book.active.title = "Uno"
    book.create_sheet("Dos").append(["b"])
    for row in (["a", "c"], [1, 2]):
        book.active.append(row)
    book.save(settings.datos_dir / "libro.xlsx")
    plain = settings.datos_dir / "libro.xlsx"
    packed = gzip.compress(plain.read_bytes())
    plain.unlink()
    result = load_one(settings, "libro.xlsx.gz", packed)
    assert result.counts.loaded == 1
    assert any("Dos" in warning for warning in result.warnings)


def test_few_rows_of_another_encoding_do_not_bend_the_rest(settings: Settings) -> None:
    good = "".join(f"{n};Cádiz\n" for n in range(10)).encode()
    odd = "".join(f"{n};áéíóúáéíóúáéíóú\n" for n in (10, 11)).encode("latin-1")
    result = load_one(settings, "mezcla.csv", b"id;texto\n" + good + odd)
    assert (result.counts.loaded, result.counts.rejected) == (10, 2)
    assert query(settings, "SELECT DISTINCT texto FROM staging.mezcla") == [("Cádiz",)]


def test_every_member_of_a_zip_is_a_table(settings: Settings) -> None:
    with zipfile.ZipFile(settings.datos_dir / "z.zip", "w") as archive:
        archive.writestr("sub/uno.csv", "a,b\n1,2\n")
        archive.writestr("sub/dos.csv", "c;d\n3;4\n")
    results = load(settings)
    assert {file.table: file.status for file in results.values()} == {"staging.uno": "loaded", "staging.dos": "loaded"}
    assert {file.status for file in load(settings).values()} == {"skipped"}


def test_every_table_of_a_sqlite_file_is_a_table(settings: Settings) -> None:
    with sqlite3.connect(settings.datos_dir / "tienda.sqlite") as connection:
        connection.execute("CREATE TABLE clientes (id INTEGER, nombre TEXT, saldo REAL)")
        connection.execute("INSERT INTO clientes VALUES (1, 'Íñigo', 1.234), (2, NULL, 10)")
        connection.execute('CREATE TABLE "raro ""x""" (a)')
    connection.close()
    results = load(settings)
    assert results["tienda.sqlite/clientes"].counts.loaded == 2
    assert types(settings, "tienda_clientes") == {"id": "bigint", "nombre": "text", "saldo": "double precision"}
    assert results['tienda.sqlite/raro "x"'].table == "staging.tienda_raro_x"


def test_nested_json_becomes_jsonb_and_a_late_key_a_column(settings: Settings) -> None:
    rows = [{"id": n, "sitio": {"lat": 40.5, "tags": ["a", n]}} for n in range(1500)]
    text = "\n".join(json.dumps(row) for row in [*rows, {"id": 9, "sitio": None, "tarde": "x"}])
    load_one(settings, "anidado.jsonl", text)
    assert types(settings, "anidado") == {"id": "bigint", "sitio": "jsonb", "tarde": "text"}
    assert query(settings, "SELECT sitio->'tags'->>1 FROM staging.anidado WHERE _line = 3") == [("2",)]
    assert query(settings, "SELECT tarde FROM staging.anidado WHERE _line = 1501") == [("x",)]


def test_a_json_list_of_objects_is_read_like_one_object_per_line(settings: Settings) -> None:
    result = load_one(settings, "lista.json", '[\n  {"a": 1, "b": "x, y"},\n  {"a": 2}\n]\n')
    assert result.counts.loaded == 2
    assert query(settings, "SELECT a, b FROM staging.lista ORDER BY _line") == [(1, "x, y"), (2, None)]


def test_as_many_columns_as_a_table_admits_are_loaded_and_one_more_is_refused(settings: Settings) -> None:
    names = [f"v{n}" for n in range(1599)]
    values = ["x" if n % 3 else f"{n % 9}.5" for n in range(1599)]
    lines = "".join(",".join(row[:-1]) + "\n" for row in (names, values, values))
    fits = load_one(settings, "panel.csv", lines)
    assert (fits.status, fits.counts.loaded, fits.warnings) == ("loaded", 2, [])
    assert query(settings, "SELECT v0, v1597 FROM staging.panel LIMIT 1") == [(Decimal("0.5"), "x")]
    wider = load_one(settings, "mas.csv", lines.replace("\n", ",y\n"))
    assert wider.status == "refused"
    assert "Tiene 1599 columnas y en una tabla caben 1598: sobran desde «y»." in (wider.reason or "")


def test_rows_that_do_not_fit_in_a_page_are_refused(settings: Settings) -> None:
    names = ",".join(f"v{n}" for n in range(1200))
    result = load_one(settings, "ancha.csv", f"{names}\n{','.join(['123456'] * 1200)}\n")
    assert (result.status, types(settings, "ancha")) == ("refused", {})
    assert "Hay filas que no caben en una tabla" in (result.reason or "")


@pytest.mark.parametrize(
    ("last", "kept", "warning"),
    [
        ("tarde", {"columna_3": "text"}, "Sin nombre en la cabecera: «columna_3»."),
        ('""', {}, "Columnas del final sin nombre ni valores, que se quitan: 1."),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_nameless_column_at_the_end_is_kept_if_any_row_fills_it(
    settings: Settings, last: str, kept: dict[str, str], warning: str, as_text: bool
) -> None:
    write(settings, "cola.csv", "nombre;ciudad;\n" + "x;y;\n" * 12_000 + f"x;y;{last}\n")
    result = load(settings, as_text)["cola.csv"]
    assert (result.counts.loaded, result.warnings) == (12_001, [warning])
    assert types(settings, "cola") == {"nombre": "text", "ciudad": "text"} | kept


def test_compressed_files_are_read(settings: Settings) -> None:
    result = load_one(settings, "a.csv.gz", gzip.compress(b"id;n\n1;5\n"))
    assert (result.status, result.table) == ("loaded", "staging.a")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("vacio.csv", b"", "vacío"),
        ("roto.csv.gz", gzip.compress(b"id;n\n1;5\n" * 999, mtime=0)[:-20], "dañado o cortado"),
        ("bomba.csv.gz", gzip.compress(b"0,0\n" * (20 << 20)), "bomba"),
        ("no.xlsx", b"PK no es un libro", "Excel"),
        ("no.sqlite", b"esto no es una base de datos" * 99, "SQLite"),
        ("foto.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "desconocido"),
        ("copia.tgz", b"\x1f\x8b", "llevan otros dentro"),
        ("tabla.orc", b"ORC", "read_orc"),
        ("pagina.xls", b"<html><table><tr><td>a</td></tr></table></html>", "una página web"),
        ("base.xls", b"SQLite format 3\0" + b"\0" * 99, "Cámbiele la extensión a .sqlite"),
        ("nada.xls", b"", "No es un libro de Excel legible"),
        ("texto.xls", b"a;b\n1;2\n", "Cámbiele la extensión a .csv"),
        ("roto.csv.bz2", bz2.compress(b"id;n\n1;5\n" * 999)[:-20], "dañado o cortado"),
        ("roto.csv.xz", lzma.compress(b"id;n\n1;5\n" * 999)[:-20], "dañado o cortado"),
        ("disfraz.csv", bz2.compress(b"id;n\n"), "bzip2"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(
    settings: Settings, name: str, content: bytes, reason: str
) -> None:
    result = load_one(settings, name, content)
    assert result.status == "refused"
    assert reason in (result.reason or "")
    assert query(settings, "SELECT count(*) FROM pg_class WHERE relnamespace = 'staging'::regnamespace") == [(0,)]


def test_a_zip_inside_a_zip_and_a_path_that_escapes_are_refused(settings: Settings) -> None:
    with zipfile.ZipFile(settings.datos_dir / "z.zip", "w") as archive:
        archive.writestr("../fuera.csv", "a,b\n1,2\n")
        archive.writestr("otro.zip", b"PK")
        archive.writestr("bien.csv", "a,b\n1,2\n")
    assert [file.status for file in load(settings).values()] == ["refused", "refused", "loaded"]


def test_a_link_that_leaves_the_folder_is_refused(settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "fuera.csv"
    outside.write_text("a,b\n1,2\n")
    (settings.datos_dir / "enlace.csv").symlink_to(outside)
    assert load(settings)["enlace.csv"].status == "refused"


@pytest.mark.parametrize("view", [False, True], ids=["sola", "con una vista"])
def test_a_file_that_someone_declares_leaves_staging_with_its_load(settings: Settings, view: bool) -> None:
    load_one(settings, "clientes.csv", CLIENTES + cliente(1))
    if view:
        with connect_settings(settings) as connection:
            connection.execute("CREATE VIEW staging.resumen AS SELECT count(*) FROM staging.clientes")
    [result] = run_with(settings, [declared(Cliente)]).files
    assert (result.status, result.table) == ("loaded", "datos.clientes")
    assert query(settings, "SELECT to_regclass('staging.clientes') IS NOT NULL") == [(view,)]
    assert ["staging.clientes sigue" in warning for warning in result.warnings] == [True] * view
    status = query(settings, "SELECT status FROM etl.loads WHERE table_name = 'staging.clientes'")
    assert status == [("replaced",)]


def test_the_ledger_names_the_engine_that_did_the_work(settings: Settings) -> None:
    path = write(settings, "suelto.csv", "a;b\n1;2\n")
    with open_session(settings, "spark", silent, print) as session:
        PARTS.undeclared(session, Source(path, path.name, path.name), False)
    assert query(settings, "SELECT file, engine FROM etl.loads") == [("suelto.csv", "local")]


def test_whoever_follows_a_load_slowly_does_not_make_it_last_too_long_for_the_server(settings: Settings) -> None:
    """COPY sigue abierto entre dos trozos, pero menos de lo que puede durar una sentencia."""
    rows = 150_000
    path = write(settings, "medidas.csv", "medida,nota\n" + "".join(f"{number},{'x' * 80}\n" for number in range(rows)))
    slow = replace(settings, statement_seconds=1)
    [result] = run_with(slow, [], path, progress=lambda *_: time.sleep(0.5)).files
    assert (result.status, result.counts.loaded, result.reason) == ("loaded", rows, None)
