"""Un archivo cortado a ojo y leído por partes da las mismas filas, en las mismas líneas, que leído de una vez."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from etl.chunk import Chunk
from etl.dialect import Dialect
from etl.extract.delimited import DelimitedFile
from etl.extract.jsonl import JsonLinesFile
from etl.extract.read import Reading, Text, read
from etl.extract.source import Source, opened
from etl.schema import Column, Declared, Schema, Table
from extras.formats.json_text import one_per_line
from extras.formats.readers import TABLES
from extras.spark import plan as planning
from extras.spark.cut import Layout, cut_part, measure
from extras.spark.plan import Part, plan, settle

Rows = list[tuple[object, ...]]
ROWS = Schema((Column("a", pa.string()), Column("b", pa.string())))
READING = Reading(tables=TABLES, lines=one_per_line)
# Lo que se le ocurre a un archivo de verdad: saltos entre comillas, comillas sueltas, filas de más y de menos. Y una
# celda cuyas líneas parecen filas: quien corta por ahí se equivoca, y se tiene que notar.
PIECES = [
    "uno,dos\n",
    "é,ñ\n",
    '"con\nsalto",b\n',
    '"k,l\nm,n\no,p\nq,r\ns,t\nu,v",z\n',
    '"c""d",e\r\n',
    'a"b,c\n',
    '"sin cerrar,x\n',
    "sola\n",
    "a,b,c\n",
    ",\n",
    "\n",
    "suelto\rretorno,x\n",
    "a,b\n",
]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "PART", 40)


def rows_of(chunks: Iterator[Chunk]) -> Rows:
    found: Rows = []
    for chunk in chunks:
        columns = [chunk.columns[name].to_pylist() for name in ("a", "b")]
        found += [(line, *values) for line, *values in zip(chunk.lines.to_pylist(), *columns, strict=True)]
        found += [(one.line, one.raw, one.code) for one in chunk.rejects]
    return sorted(found, key=str)


def both(path: Path, dialect: Dialect = Dialect()) -> tuple[Rows, Rows, int]:  # noqa: B008 - no cambia nunca
    """Las filas leídas de una vez y por partes, y cuántas partes."""
    declared = Declared(Table("datos", "t"), ROWS, dialect, "*")
    source = Source(path, path.name, path.name)
    with opened(source) as file, read(source, file, declared, READING) as text:
        whole = rows_of(text.chunks)
    with opened(source) as file, read(source, file, declared, READING) as text:
        nominal = plan(source, text, cores=2)
        by_parts = rows_of(chunk for one in parts_of(text, declared, nominal) for chunk in one)
    return whole, by_parts, len(nominal)


def parts_of(text: Text, declared: Declared, nominal: list[Part]) -> Iterator[Iterator[Chunk]]:
    if not isinstance(text.document, DelimitedFile | JsonLinesFile) or len(nominal) == 1:
        for part in nominal:
            with opened(part.source) as file, read(part.source, file, declared, READING) as again:
                if part.end is not None:
                    again.document.groups = range(part.start, part.end)  # type: ignore[attr-defined]
                yield again.chunks
        return
    layout = Layout(text.document, text.encoding or "utf-8", declared.dialect)
    for part in settle(nominal, map(partial(cut_part, layout), nominal), partial(measure, layout, nominal[0].source)):
        with opened(part.source) as file:
            yield layout.chunks(file, part, text.columns)


@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=60), ending=st.sampled_from(["", "a,b"]))
def test_a_text_cut_anywhere_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], ending: str
) -> None:
    path = tmp_path_factory.mktemp("corte") / "t.csv"
    path.write_text("a,b\n" + "".join(pieces) + ending, newline="")
    whole, by_parts, _ = both(path)
    assert by_parts == whole


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_each_encoding_is_cut_at_its_own_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "señor,año\n" * 300, encoding=encoding)
    whole, by_parts, parts = both(path, Dialect(encoding=encoding.removesuffix("-sig")))
    assert by_parts == whole
    assert parts > 10


def test_json_lines_are_cut_by_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = [json.dumps({"a": str(number), "b": "x\ny" * (number % 5)}) for number in range(300)]
    path.write_text("\n".join([*lines, "", "esto no", *lines]))
    whole, by_parts, parts = both(path)
    assert by_parts == whole
    assert parts > 10


def test_a_json_that_is_not_one_object_per_line_is_one_part(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps([{"a": str(number), "b": ""} for number in range(300)], indent=1))
    whole, by_parts, parts = both(path)
    assert (by_parts, parts) == (whole, 1)
    assert len(whole) == 300


def test_several_objects_in_the_first_line_are_not_lines_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"a":"{n}","b":""}}{{"a":"x","b":""}}\n' for n in range(150)))
    whole, by_parts, parts = both(path)
    assert (by_parts, parts) == (whole, 1)
    assert len(whole) == 300


def test_an_escaped_line_end_is_part_of_its_field(tmp_path: Path) -> None:
    """Así los escribe MySQL, sin comillas."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"uno\\\ndos,tres\n" * 60)
    whole, by_parts, parts = both(path, Dialect(escape="\\"))
    assert whole == sorted([(2 + 2 * n, "uno\ndos", "tres") for n in range(60)], key=str)
    assert by_parts == whole
    assert parts > 10


def test_a_parquet_is_cut_by_groups_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"a": [str(number) for number in range(1000)], "b": ["x"] * 1000})
    parquet.write_table(table, path, row_group_size=90)
    whole, by_parts, parts = both(path)
    assert by_parts == whole
    assert parts > 3


def test_a_cut_inside_a_record_joins_two_parts(tmp_path: Path) -> None:
    """La celda del final de la lista, repetida: sus líneas tienen tantos campos como una fila."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + PIECES[3] * 40)
    source = Source(path, path.name, path.name)
    declared = Declared(Table("datos", "t"), ROWS, Dialect(), "*")
    with opened(source) as file, read(source, file, declared, READING) as text:
        nominal = plan(source, text, cores=2)
        assert isinstance(text.document, DelimitedFile)
        layout = Layout(text.document, "utf-8", declared.dialect)
    cuts = [cut_part(layout, part) for part in nominal]
    assert not all(cut.whole for cut in cuts)
    real = list(settle(nominal, cuts, partial(measure, layout, nominal[0].source)))
    assert 1 < len(real) < len(nominal)
    assert [part.line for part in real] == [2 + 6 * (part.start - nominal[0].start) // len(PIECES[3]) for part in real]
