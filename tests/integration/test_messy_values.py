"""Valores y formatos que engañan a quien adivina tipos: se guardan exactos, o en texto con un aviso."""

import sqlite3
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from openpyxl import Workbook
from pyarrow import parquet

from etl.extract.source import Source
from etl.run import FileResult
from etl.settings import Settings
from extras.undeclared.inspection import inspect
from own_rows import query, rejects, run_with, silent, write

pytestmark = pytest.mark.any_server


def load(settings: Settings, name: str, content: str | bytes) -> FileResult:
    path = write(settings, name, content)
    [result] = run_with(settings, [], path, progress=silent).files
    return result


def stored(settings: Settings, values: list[str], mark: str = ";") -> tuple[str, list[Any]]:
    """El tipo que recibe una columna con esos valores, y cómo quedan."""
    rows = "".join(f"{number}{mark}{value}\n" for number, value in enumerate(values))
    result = load(settings, "v.csv", f"id{mark}v\n{rows}")
    assert (result.status, result.counts.loaded) == ("loaded", len(values))
    [kind] = query(settings, "SELECT pg_typeof(v)::text FROM staging.v LIMIT 1")
    return kind, [str(value) for value in query(settings, "SELECT v FROM staging.v ORDER BY _line")]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["-0", "5"], "bigint", ["0", "5"]),
        (["-5", "999999999999999999"], "bigint", ["-5", "999999999999999999"]),
        (["1" + "0" * 37, "5"], "numeric", ["1" + "0" * 37, "5"]),
        (["1" + "0" * 60, "5"], "text", ["1" + "0" * 60, "5"]),
        (["0,1", "0,30000000000000004"], "numeric", ["0.10000000000000000", "0.30000000000000004"]),
        (["-1.234,56", "7,00"], "numeric", ["-1234.56", "7.00"]),
        (["1 234,50", "12,50"], "text", ["1 234,50", "12,50"]),
        (["12,5 %", "7 %"], "text", ["12,5 %", "7 %"]),
        (["1.234,50 €", "$3.50"], "text", ["1.234,50 €", "$3.50"]),
        (["(3.20)", "5-"], "text", ["(3.20)", "5-"]),
        (["+5", "3"], "text", ["+5", "3"]),
        (["1e5", "3"], "text", ["1e5", "3"]),
        (["5.", "3.5"], "text", ["5.", "3.5"]),
        (["0x1F", "3"], "text", ["0x1F", "3"]),
        (["007", "-05"], "text", ["007", "-05"]),
        (["S", "N"], "text", ["S", "N"]),
        (["sí", "no"], "boolean", ["True", "False"]),
        (["10:30", "23:59"], "text", ["10:30", "23:59"]),
        (["2024-01-05T10:30:00Z", "2024-01-05T10:30:00+02:00"], "text",
         ["2024-01-05T10:30:00Z", "2024-01-05T10:30:00+02:00"]),
        (["2024-01-05", "05/01/2024"], "text", ["2024-01-05", "05/01/2024"]),
        (["12/31/2023", "01/02/2024"], "date", ["2023-12-31", "2024-01-02"]),
        (["31.12.2023 23:59", "01.02.2024 0:00"], "timestamp without time zone",
         ["2023-12-31 23:59:00", "2024-02-01 00:00:00"]),
        (["١٢", "٣"], "text", ["١٢", "٣"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_is_kept_exactly(settings: Settings, values: list[str], kind: str, expected: list[str]) -> None:
    assert stored(settings, values) == (kind, expected)


def test_an_empty_quoted_value_is_a_missing_one_except_in_a_text(settings: Settings) -> None:
    content = '"id","v","f","t"\n"1","2.5","2024-01-05","x"\n"2","","",""\n"3","0.25","",\n'
    load(settings, "q.csv", content)
    assert query(settings, "SELECT v, f, t FROM staging.q ORDER BY id") == [
        (Decimal("2.50"), date(2024, 1, 5), "x"),
        (None, None, ""),
        (Decimal("0.25"), None, None),
    ]


def test_names_that_postgresql_keeps_for_itself_are_changed(settings: Settings) -> None:
    load(settings, "n.csv", "ctid,xmin,select,_line\n1,2,3,4\n")
    assert query(settings, "SELECT col_ctid, col_xmin, select_, col_line FROM staging.n") == [(1, 2, 3, 4)]


def test_numbers_inside_an_object_stay_numbers_and_exact(settings: Settings) -> None:
    text = '{"id": 1, "o": {"n": 1.10, "grande": 12345678901234567890, "t": "1", "x": 1e9999, "u": "\\\\u0000"}}\n'
    load(settings, "o.jsonl", text)
    assert query(settings, "SELECT o::text FROM staging.o") == [
        r'{"n": 1.10, "t": "1", "u": "\\u0000", "x": "1e9999", "grande": 12345678901234567890}'
    ]


def test_an_object_that_cannot_be_stored_is_set_aside_alone(settings: Settings) -> None:
    lines = ['{"a": 1}', '{"a": 1, "a": 2}', r'{"a": "\ud83d"}', r'{"a": "x\u0000"}', r'{"a": "\ud83d\ude00"}']
    result = load(settings, "j.jsonl", "\n".join(lines) + "\n")
    assert (result.counts.loaded, rejects(settings)) == (2, [(2, "json", None), (3, "json", None), (4, "nul", None)])
    assert query(settings, "SELECT a FROM staging.j ORDER BY _line") == ["1", "😀"]


def test_a_text_that_only_looks_like_a_list_is_text(settings: Settings) -> None:
    load(settings, "t.jsonl", '{"a": "[hola"}\n{"a": [1]}\n')
    assert query(settings, "SELECT a FROM staging.t ORDER BY _line") == ["[hola", "[1]"]


def test_objects_written_in_several_lines_are_rows(settings: Settings) -> None:
    load(settings, "e.json", '{\n  "a": 1,\n  "b": {"c": 2}\n}\n{\n  "a": 3,\n  "b": null\n}\n')
    assert query(settings, "SELECT a, b->>'c' FROM staging.e ORDER BY _line") == [(1, "2"), (3, None)]


def test_midnight_in_a_workbook_does_not_turn_its_column_into_text(settings: Settings) -> None:
    book = Workbook()
    for row in (["día", "valor"], [datetime(2024, 1, 5), 1.1], [datetime(2024, 1, 6, 10, 30), 2]):
        book.active.append(row)
    book.save(settings.datos_dir / "m.xlsx")
    run_with(settings, [])
    assert query(settings, "SELECT dia, valor FROM staging.m ORDER BY _line") == [
        (datetime(2024, 1, 5), Decimal("1.1")),
        (datetime(2024, 1, 6, 10, 30), Decimal("2.0")),
    ]


def test_a_nul_in_a_format_that_gives_texts_sets_its_row_aside(settings: Settings) -> None:
    parquet.write_table(pa.table({"a": ["x\0y", "z"]}), settings.datos_dir / "p.parquet")
    with sqlite3.connect(settings.datos_dir / "s.sqlite") as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x\0y",), ("z",)])
    connection.close()
    run_with(settings, [])
    assert rejects(settings) == [(1, "nul", None), (1, "nul", None)]
    assert query(settings, "SELECT a FROM staging.p") == query(settings, "SELECT a FROM staging.s_t") == ["z"]


def test_an_integer_that_fits_in_no_float_stays_exact_beside_one(settings: Settings) -> None:
    with sqlite3.connect(settings.datos_dir / "s.sqlite") as connection:
        connection.execute("CREATE TABLE t (v, w)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(2**53 + 1, 7), (0.5, 0.5), (-(2**63), None)])
    connection.close()
    run_with(settings, [])
    assert query(settings, "SELECT v FROM staging.s_t ORDER BY _line") == [2**53 + 1, Decimal("0.5"), -(2**63)]
    assert query(settings, "SELECT pg_typeof(w)::text FROM staging.s_t LIMIT 1") == ["double precision"]


def test_a_first_line_longer_than_what_is_looked_at_is_refused(settings: Settings) -> None:
    result = load(settings, "l.csv", f"id,{'x' * 1_100_000}\n1,2\n")
    assert (result.status, "1 MB" in (result.reason or "")) == ("refused", True)


def test_what_inspect_promises_is_what_is_loaded(settings: Settings) -> None:
    """También cuando demasiadas fechas no existen y la columna acaba en texto."""
    rows = "".join(f"{n};{n % 31 + 1}/02/2024;1,5\n" for n in range(200))
    path = write(settings, "f.csv", f"id;medida;v\n{rows}x;1\n")
    seen = inspect(Source(path, path.name, path.name))
    [result] = run_with(settings, [], path, progress=silent).files
    assert (seen.rows, seen.rejected) == (result.counts.loaded, result.counts.rejected) == (200, 1)
    assert [column.plan.type for column in seen.columns][:2] == [pa.int64(), pa.string()]
    assert seen.warnings == result.warnings


def test_many_columns_with_one_doubt_give_one_warning(settings: Settings) -> None:
    header = ";".join(f"v{n}" for n in range(12))
    result = load(settings, "w.csv", f"{header}\n{';'.join(['1.234'] * 12)}\n{';'.join(['5.678'] * 12)}\n")
    assert result.warnings == [
        "Columnas «v0», «v1», «v2», «v3», «v4», «v5», «v6», «v7», «v8», «v9» y 2 más: queda en texto, porque los"
        " valores como «1.234» pueden ser miles o decimales; declare decimal y thousands."
    ]
