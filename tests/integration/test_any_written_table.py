"""Cualquier tabla, escrita con cualquier biblioteca en cualquier formato y sin declarar, vuelve igual, o se avisa.

Lo que se escribe aquí no pasa por nada del proyecto. Una columna puede volver distinta solo si un aviso la nombra.
"""

import json
import math
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import given, note
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from psycopg import sql
from pyarrow import parquet

from etl.dialect import ISO
from etl.settings import Settings
from own_rows import run_with
from support import connect_settings

pytestmark = pytest.mark.any_server

Rows = list[dict[str, Any]]
# Los que de verdad escriben las bibliotecas: enteros enormes, reales minúsculos, textos que parecen otra cosa.
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-999, 999)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.1, 1e-05, 1e20, 1e16, -0.0, 3.0, 5e-324])
DECIMALS = st.integers(-(10**17), 10**17).map(lambda units: Decimal(units).scaleb(-4))
DAYS = st.dates()
# Lo que un libro guarda como fecha: desde el día que Excel cuenta bien, y sin fracciones de segundo.
SHEET_DAYS = st.dates(date(1900, 3, 1))
MOMENTS = st.datetimes()
SECONDS = st.datetimes(datetime(1900, 3, 1)).map(lambda moment: moment.replace(microsecond=0))
# Lo que openpyxl escribe de un real.
SHORT_FLOATS = FLOATS.map(lambda value: float(f"{value:.15g}"))
LENGTHS = st.timedeltas(timedelta(days=-9999), timedelta(days=9999))
CHARACTERS = st.sampled_from("ab ñ€,;\t|'\"\\=-.") | st.characters(codec="utf-8", categories=("L", "P", "S", "Zs"))
WORDS = st.text(CHARACTERS, min_size=1, max_size=8)
# En uno sin tipos, una columna de «true» es de sí o no.
UNTYPED_WORDS = WORDS.filter(lambda text: text.strip().lower() not in (*ISO.true_words, *ISO.false_words))
# En un formato con tipos, un texto es un texto; en uno sin ellos, nadie puede saberlo.
CODES = st.sampled_from(["28001", "007", "NO", "SI", "3.10", "3.1", "1e5", "1,5", "true", "NULL", "nan", "-", "0x1F"])


def table(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Rows]:
    """Unas filas numeradas, con algunas de esas columnas y huecos en todas."""

    def rows(names: list[str]) -> st.SearchStrategy[Rows]:
        row = st.fixed_dictionaries({name: st.none() | kinds[name] for name in names})
        return st.lists(row, min_size=1, max_size=8)

    chosen = st.lists(st.sampled_from(sorted(kinds)), unique=True, min_size=1).flatmap(rows)
    return chosen.map(lambda found: [{"numero": n} | dict(sorted(row.items())) for n, row in enumerate(found, start=1)])


UNTYPED = table(
    col_entero=INTEGERS, col_real=FLOATS, col_decimal=DECIMALS, col_dia=DAYS, col_momento=MOMENTS,
    col_logica=st.booleans(), col_texto=UNTYPED_WORDS, col_codigo=st.sampled_from(["007", "1e5", "0x1F", "A-1", "12.34.56"]),
)  # fmt: skip
JSON = table(
    col_entero=INTEGERS, col_real=FLOATS, col_logica=st.booleans(), col_texto=WORDS | CODES, col_dia=DAYS.map(str),
    col_lista=st.lists(INTEGERS | WORDS, max_size=3), col_objeto=st.fixed_dictionaries({"a": FLOATS, "b": WORDS}),
)  # fmt: skip
SHEET = table(
    col_entero=INTEGERS, col_real=SHORT_FLOATS, col_dia=SHEET_DAYS, col_momento=SECONDS, col_logica=st.booleans(),
    col_texto=WORDS | CODES, col_hora=st.times().map(lambda hour: hour.replace(microsecond=0)),
)  # fmt: skip
SQLITE = table(
    col_entero=INTEGERS, col_real=FLOATS, col_texto=WORDS | CODES, col_bytes=st.binary(min_size=1, max_size=8),
    col_dia=DAYS.map(str), col_mezcla=INTEGERS | WORDS | FLOATS,
)  # fmt: skip
ARROW: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "col_entero": (pa.int64(), INTEGERS),
    "col_natural": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "col_real": (pa.float64(), st.floats()),
    "col_corto": (pa.float32(), st.floats(width=32)),
    "col_decimal": (pa.decimal128(38, 10), st.integers(-(10**37), 10**37).map(lambda n: Decimal(n).scaleb(-10))),
    "col_dia": (pa.date32(), DAYS),
    "col_momento": (pa.timestamp("us"), MOMENTS),
    "col_instante": (pa.timestamp("us", "UTC"), MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))),
    "col_hora": (pa.time64("us"), st.times()),
    "col_plazo": (pa.duration("us"), LENGTHS),
    "col_logica": (pa.bool_(), st.booleans()),
    "col_texto": (pa.string(), WORDS | CODES),
    "col_clase": (pa.dictionary(pa.int8(), pa.string()), CODES),
    "col_bytes": (pa.binary(), st.binary(max_size=8)),
    "col_lista": (pa.list_(pa.int64()), st.lists(INTEGERS, max_size=3)),
    "col_objeto": (pa.struct([("a", pa.string())]), st.fixed_dictionaries({"a": WORDS})),
}
ARROWS = table(**{name: values for name, (_, values) in ARROW.items()})


def frame(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(rows, dtype=object)


def arrow(rows: Rows) -> pa.Table:
    kinds = {"numero": pa.int64(), **{name: kind for name, (kind, _) in ARROW.items()}}
    return pa.table({name: pa.array([row[name] for row in rows], kinds[name]) for name in rows[0]})


def pandas_csv(sep: str, decimal: str, encoding: str) -> Callable[[Rows, Path], None]:
    def write(rows: Rows, path: Path) -> None:
        frame(rows).to_csv(path, index=False, sep=sep, decimal=decimal, encoding=encoding)

    return write


def csv_of_arrow(rows: Rows, path: Path) -> None:
    arrow_csv.write_csv(pa.Table.from_pylist(rows), path)


def json_list(indent: int | None) -> Callable[[Rows, Path], Any]:
    return lambda rows, path: path.write_text(json.dumps(rows, ensure_ascii=False, indent=indent), "utf-8")


def json_lines(rows: Rows, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def pandas_json(lines: bool) -> Callable[[Rows, Path], None]:
    # pandas escribe los reales con diez decimales; con quince no se le olvida ninguno de los que se le dan.
    return lambda rows, path: frame(rows).to_json(path, orient="records", lines=lines, double_precision=15)


def workbook(rows: Rows, path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(list(rows[0]))
    for line, row in enumerate(rows, start=2):
        for at, value in enumerate(row.values(), start=1):
            cell = book.active.cell(line, at, value)
            cell.data_type = "s" if isinstance(value, str) else cell.data_type  # «=-» no es una fórmula
    book.save(path)


def pandas_book(rows: Rows, path: Path) -> None:
    frame(rows).to_excel(path, index=False)


def sqlite_file(rows: Rows, path: Path) -> None:
    path.unlink(missing_ok=True)
    names = ", ".join(rows[0])
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE tabla ({names})")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO tabla VALUES ({marks})", [tuple(row.values()) for row in rows])
    connection.close()


def parquet_file(rows: Rows, path: Path) -> None:
    parquet.write_table(arrow(rows), path)


def pandas_parquet(rows: Rows, path: Path) -> None:
    arrow(rows).to_pandas(types_mapper=pd.ArrowDtype).to_parquet(path)


WRITERS: dict[str, tuple[str, Callable[[Rows, Path], Any], st.SearchStrategy[Rows]]] = {
    "pandas-csv": ("tabla.csv", pandas_csv(",", ".", "utf-8"), UNTYPED),
    "pandas-csv-excel": ("tabla.csv", pandas_csv(";", ",", "utf-8-sig"), UNTYPED),
    "pandas-tsv": ("tabla.tsv", pandas_csv("\t", ".", "utf-16"), UNTYPED),
    "pandas-csv.gz": ("tabla.csv.gz", pandas_csv(",", ".", "utf-8"), UNTYPED),
    "arrow-csv": ("tabla.csv", csv_of_arrow, UNTYPED),
    "json-list": ("tabla.json", json_list(None), JSON),
    "json-indented": ("tabla.json", json_list(2), JSON),
    "json-lines": ("tabla.jsonl", json_lines, JSON),
    "openpyxl": ("tabla.xlsx", workbook, SHEET),
    "pandas-xlsx": ("tabla.xlsx", pandas_book, SHEET),
    "sqlite": ("tabla.sqlite", sqlite_file, SQLITE),
    "parquet": ("tabla.parquet", parquet_file, ARROWS),
    "pandas-parquet": ("tabla.parquet", pandas_parquet, ARROWS),
}


def same_single(written: float, found: float) -> bool:
    """Un real de 32 bits se escribe con las cifras que bastan para reconocerlo."""
    return same(float(np.float32(written)), float(np.float32(found)))


def same(written: Any, found: Any) -> bool:
    """El mismo valor, quizá con otro tipo: un real puede quedar exacto, y la medianoche de un día, en el día."""
    match written, found:
        case (float(), float() | Decimal()) if math.isnan(written):
            return math.isnan(found)
        case (bool(), _) | (_, bool()):
            return written is found
        case (float(), Decimal() | int()):
            return found in (Decimal(repr(written)), Decimal(written))
        case (int() | float() | Decimal(), int() | float() | Decimal()):
            return bool(written == found)
        case (datetime(), date()) if not isinstance(found, datetime):
            return written == datetime(found.year, found.month, found.day)
        case (int() | float(), str()):  # entre textos, un número es uno más
            return str(written) == found
        case (time(), str()):
            return time.fromisoformat(found) == written
        case (str(), date()) | (str(), datetime()):
            return written == str(found)
        case (bytes(), bytes() | memoryview()):
            return written == bytes(found)
        case (dict(), dict()):
            return written.keys() == found.keys() and all(same(value, found[key]) for key, value in written.items())
        case (list(), list()):
            return len(written) == len(found) and all(map(same, written, found))
    return type(written) is type(found) and bool(written == found)


@pytest.mark.parametrize("writer", WRITERS)
@with_settings(max_examples=15)
@given(data=st.data())
def test_any_written_table_comes_back_equal_or_the_column_is_named(
    settings: Settings, writer: str, data: st.DataObject
) -> None:
    name, write, tables = WRITERS[writer]
    rows = data.draw(tables)
    path = settings.datos_dir / name
    write(rows, path)
    with connect_settings(settings) as connection:
        connection.execute("TRUNCATE etl.loads CASCADE; DROP TABLE IF EXISTS staging.tabla")
    [result] = run_with(settings, [], path).files
    note(f"{result.warnings}")
    with connect_settings(settings) as connection:
        problems = connection.execute("SELECT line, raw, message FROM etl.rejects").fetchall()
        assert (result.status, result.reason, problems) == ("loaded", None, [])
        query = sql.SQL("SELECT * FROM {} ORDER BY _line").format(sql.Identifier(*str(result.table).split(".")))
        found = connection.execute(query).fetchall()
    assert len(found) == len(rows), result.warnings
    for at, column in enumerate(rows[0]):
        pairs = [(row[column], values[at]) for row, values in zip(rows, found, strict=True)]
        compare = same_single if column == "col_corto" else same
        different = [pair for pair in pairs if not (pair == (None, None) or compare(*pair))]
        assert not different or any(column in warning for warning in result.warnings), (column, different)
