"""Cortar bytes en registros: lo bien escrito vuelve igual, y lo malo se aparta línea a línea.

La gramática del núcleo, los tres caminos rápidos de `bulk` y cualquier corte en bloques dan lo mismo.
"""

import csv
import io
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from etl.chunk import Reject
from etl.dialect import Dialect
from etl.extract.delimited import DelimitedFile, open_delimited
from etl.extract.records import Records, Split, split
from etl.extract.source import Utf8Stream
from extras.bulk import records as bulk

COMMA = Dialect()


class Pieces:
    """Una fuente que da los bytes en los trozos que se le digan."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]

    def read(self, _size: int, /) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@dataclass
class Found:
    """Lo que salió de un archivo: filas con su línea, y rechazos como (línea, código, texto)."""

    rows: list[tuple[Any, ...]]
    lines: list[int]
    rejects: list[tuple[int, str, str]]


def read(header: bytes, pieces: list[bytes], dialect: Dialect = COMMA) -> Found:
    """Lo que sale, que es lo mismo por el camino del núcleo y por los rápidos."""
    found = read_by(split, header, pieces, dialect)
    assert found == read_by(bulk.split, header, pieces, dialect)
    return found


def read_by(how: Split, header: bytes, pieces: list[bytes], dialect: Dialect) -> Found:
    stream = Utf8Stream(Pieces([header, *pieces]), dialect.encoding)
    document = open_delimited(stream.read(1 << 20), stream, dialect, how)
    positions = {name: position for position, name in enumerate(document.header)}
    found, rejects = Found([], [], []), list[Reject]()
    for chunk in document.chunks(positions):
        found.rows += zip(*(column.to_pylist() for column in chunk.columns.columns), strict=True)
        found.lines += chunk.lines.to_pylist()
        rejects += chunk.rejects
    found.rejects = sorted((reject.line, reject.code, reject.raw) for reject in rejects)
    return found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


CUTS = st.lists(st.integers(0, 10_000), max_size=5)

# --- Lo bien escrito -------------------------------------------------------------------------


@dataclass(frozen=True)
class Writing:
    """Una manera corriente de escribir un CSV, tal como la entiende `csv.writer`."""

    dialect: Dialect
    end: str
    quote_all: bool

    def written(self, rows: list[list[str]]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(
            text,
            delimiter=self.dialect.delimiter,
            quotechar=self.dialect.quote,
            escapechar=self.dialect.escape,
            doublequote=self.dialect.escape is None,
            lineterminator=self.end,
            quoting=csv.QUOTE_ALL if self.quote_all else csv.QUOTE_MINIMAL,
        )
        writer.writerows(rows)
        return text.getvalue().encode()


WRITINGS = [
    Writing(Dialect(delimiter=delimiter, quote=quote, escape=escape), end, quote_all)
    for delimiter in ",;\t|"
    for quote in "\"'"
    for escape in (None, "\\")
    for end in ("\n", "\r\n")
    for quote_all in (False, True)
]
# csv.writer no encierra un «\r» suelto; con comillas en todos los campos sí vale.
LETTER = st.one_of(st.sampled_from("a1 ,;\t|'\"\n\\ñ€"), st.characters(codec="utf-8", exclude_characters="\0\r"))
CELL = st.text(LETTER, max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(1, 4))
    return draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=6))


@settings(max_examples=400)
@given(writing=st.sampled_from(WRITINGS), rows=tables(), places=CUTS)
@example(writing=WRITINGS[8], rows=[["\n"]], places=[2])  # comilla simple: fallaba antes de Python 3.11.5
@example(writing=WRITINGS[0], rows=[["\ufeff"]], places=[])  # una marca (BOM) que es parte de un valor
def test_any_table_comes_back_equal_in_any_dialect_however_it_is_cut(
    writing: Writing, rows: list[list[str]], places: list[int]
) -> None:
    header = writing.written([[f"c{number}" for number in range(len(rows[0]))]])
    found = read(header, cut(writing.written(rows), places), writing.dialect)
    assert found.rejects == []
    # Un campo vacío sin comillas no tiene valor; una columna sola se escribe siempre con ellas.
    kept = writing.quote_all or len(rows[0]) == 1
    written = [tuple(cell if cell or kept else None for cell in row) for row in rows]
    assert found.rows == [row for row in written if any(cell is not None for cell in row)]


@given(cells=st.lists(st.text(st.sampled_from('a\r\n,"'), max_size=5), min_size=2, max_size=6), places=CUTS)
def test_any_line_end_fits_between_quotes(cells: list[str], places: list[int]) -> None:
    writing = Writing(COMMA, "\r\n", quote_all=True)
    found = read(b"a,b\r\n", cut(writing.written([[cell, "x"] for cell in cells]), places))
    assert (found.rows, found.rejects) == ([(cell, "x") for cell in cells], [])


@given(rows=tables())
def test_the_quoted_path_agrees_with_the_grammar(rows: list[list[str]]) -> None:
    block = Writing(COMMA, "\n", quote_all=True).written(rows)
    fields = len(rows[0])
    quoted = bulk.split_regular(block, COMMA, fields, 2)
    # Una línea en blanco entre comillas también obliga a mirar el bloque con cuidado.
    assume(b"\n\n" not in block)
    assert quoted is not None
    assert summary(quoted) == summary(split(block, COMMA, fields, 2, True))


@given(rows=st.lists(st.lists(st.text("añ1", min_size=1), min_size=2, max_size=2), min_size=1))
def test_the_plain_path_agrees_with_the_grammar(rows: list[list[str]]) -> None:
    block = Writing(COMMA, "\r\n", quote_all=False).written(rows)
    plain = bulk.split_regular(block, COMMA, 2, 2)
    assert plain is not None
    assert summary(plain) == summary(split(block, COMMA, 2, 2, True))


BYTES = [b"a", b",", b'"', b"'", b"\\", b"\n", b"\r", b"\0", b"\xff", b"1,2\n"]
DIALECTS = [COMMA, Dialect(escape="\\"), Dialect(quote="'"), Dialect(quote=None), Dialect(quote=None, escape="\\")]


@given(data=st.lists(st.sampled_from(BYTES)).map(b"".join), dialect=st.sampled_from(DIALECTS))
def test_the_careful_path_agrees_with_the_grammar(data: bytes, dialect: Dialect) -> None:
    # Al final, quien llama pone el salto que falte.
    for block, at_end in ((data, False), (data + b"\n", True)):
        careful, found = (how(block, dialect, 2, 2, at_end) for how in (bulk.split_carefully, split))
        assert (summary(careful), careful.inner_breaks) == (summary(found), found.inner_breaks)


def summary(records: Records) -> tuple[Any, ...]:
    raws = [records.raw(row) for row in range(len(records.lines))]
    return records.lines.tolist(), raws, records.consumed, records.next_line, records.rejects


# --- Lo mal escrito --------------------------------------------------------------------------

BITS = [b"a", b",", b'"', b"\n", b"\r\n", b"\r", b"\0", b"\xff", "ñ".encode(), b"\n1,2\n"]
GARBAGE = st.lists(st.sampled_from(BITS)).map(b"".join)


@given(data=GARBAGE, places=CUTS)
@example(data=b'1,"a\n2,b\n3,c"\n', places=[])
@example(data=b'1,"a\n2,b\n3,"c"\n', places=[5])
def test_however_bad_a_file_is_where_it_is_cut_does_not_matter(data: bytes, places: list[int]) -> None:
    assert read(b"a,b\n", cut(data, places)) == read(b"a,b\n", [data])


@given(before=GARBAGE, places=CUTS)
def test_no_line_is_lost_nor_counted_twice(before: bytes, places: list[int]) -> None:
    """Las filas y los rechazos salen de líneas distintas, y una fila buena al final siempre se lee."""
    found = read(b"a,b\n", cut(before + b"\nok,ok\n", places))
    lines = [*found.lines, *(line for line, *_ in found.rejects)]
    assert len(lines) == len(set(lines))
    assert found.rows[-1] == ("ok", "ok")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b'2,"b', "quote"),
        (b'2,b"', "quote"),
        (b'2,b"b"b', "quote"),
        (b'2,"b"b', "quote"),
        (b'2,"b" ', "quote"),
        (b"2,b\0", "nul"),
        (b"2,b\xf1o", "encoding"),
        (b"2", "field_count"),
        (b"2,b,c", "field_count"),
        (b"2;b", "field_count"),
        (b"a,b", "repeated_header"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_bad_line_is_set_aside_alone(bad: bytes, code: str, end: bytes) -> None:
    data = end.join([b"1,a", bad, b"3,c", b'4,"d"', b""])
    found = read(b"a,b" + end, [data])
    assert found.rows == [("1", "a"), ("3", "c"), ("4", "d")]
    assert found.lines == [2, 4, 5]
    raw = bad.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    assert found.rejects == [(3, code, raw)]


def test_an_unclosed_quote_does_not_swallow_the_rows_until_the_next_one() -> None:
    found = read(b"a,b,c\n", [b'1,"x,p\n2,y,q\n3,z",r\n4,w,s\n'])
    assert found.rows == [("1", "x,p\n2,y,q\n3,z", "r"), ("4", "w", "s")]  # así escrito, es un campo con saltos
    found = read(b"a,b\n", [b'1,"x\n2,y\n3,z"\n4,w\n'])
    assert found.rows == [("1", "x\n2,y\n3,z"), ("4", "w")]
    found = read(b"a,b,c\n", [b'1,"x\n2,y,q\n3,z"\n4,w,s\n'])
    assert found.rows == [("2", "y", "q"), ("4", "w", "s")]
    assert [reject[:2] for reject in found.rejects] == [(2, "quote"), (4, "quote")]


def test_a_quoted_newline_is_part_of_the_value_and_lines_are_counted() -> None:
    found = read(b"a,b\n", [b'1,"x\ny"\n2,z\n'])
    assert (found.rows, found.lines) == ([("1", "x\ny"), ("2", "z")], [2, 4])


def test_blank_lines_are_not_rows_but_count_as_lines() -> None:
    found = read(b"\n\na,b\n", [b"\n1,x\n\r\n\n2,y\n\n"])
    assert (found.rows, found.lines, found.rejects) == ([("1", "x"), ("2", "y")], [5, 8], [])


def test_the_last_line_needs_no_newline() -> None:
    assert read(b"a,b\n", [b"1,x\n2,y"]).rows == [("1", "x"), ("2", "y")]


def test_null_words_count_only_without_quotes_and_as_declared() -> None:
    dialect = Dialect(nulls=("", "N/D"))
    found = read(b"a,b,c\n", [b'N/D,"N/D",n/d\n,"", \n'], dialect)
    assert found.rows == [(None, "N/D", "n/d"), (None, "", " ")]


def test_a_backslash_escapes_only_if_declared() -> None:
    data = b'1,"dijo \\"hola\\""\n2,a\\,b\n3,c\\\\d\n'
    assert read(b"a,b\n", [data], Dialect(escape="\\")).rows == [("1", 'dijo "hola"'), ("2", "a,b"), ("3", "c\\d")]
    undeclared = read(b"a,b\n", [data])
    assert undeclared.rows == [("3", "c\\\\d")]
    assert [reject[:2] for reject in undeclared.rejects] == [(2, "quote"), (3, "field_count")]


def test_without_quotes_declared_they_are_letters_like_any_other() -> None:
    assert read(b"a,b\n", [b'1,"x\n2,5" tv\n'], Dialect(quote=None)).rows == [("1", '"x'), ("2", '5" tv')]


def test_a_field_over_one_megabyte_is_set_aside_alone() -> None:
    long = b"x" * ((1 << 20) + 1)
    found = read(b"a,b\n", [b"1,a\na,b\n2," + long + b"\n" + long + b",b\n5,c\n"])
    assert (found.rows, found.lines) == ([("1", "a"), ("5", "c")], [2, 6])
    assert [reject[:2] for reject in found.rejects] == [
        (3, "repeated_header"),
        (4, "field_too_long"),
        (5, "field_too_long"),
    ]


def test_a_long_field_with_newlines_is_one_value_even_beside_something_suspect() -> None:
    long = b"linea\n" * 50_000
    found = read(b"a,b\n", [b'1,"' + long + b'"\n\n2,x"\n'])
    assert found.rows == [("1", long.decode())]
    assert [reject[:2] for reject in found.rejects] == [(50_004, "quote")]


def test_a_file_that_starts_with_preamble_lines_reads_its_header_after_them() -> None:
    found = read(b"Informe\nFecha: hoy\na,b\n", [b"1,x\n"], Dialect(preamble_rows=2))
    assert (found.rows, found.lines) == ([("1", "x")], [4])


def test_blocks_grow_with_long_lines_and_stay_small_with_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """La memoria la ocupan los bytes y también las filas: un bloque no tiene demasiados de nada."""
    monkeypatch.setattr("etl.extract.delimited.FIRST_BLOCK", 1 << 10)
    monkeypatch.setattr("etl.extract.delimited.BLOCK", 1 << 16)
    monkeypatch.setattr("etl.extract.delimited.MOST_LINES", 200)
    long, short = b"%s,%s\n" % (b"a" * 500, b"b" * 500), b"1,2\n"
    document = DelimitedFile(["a", "b"], COMMA, io.BytesIO(long * 1000 + short * 50_000), b"", 2)
    blocks = [records.lines for records in document.records()]
    assert [len(lines) for lines in blocks[:6]] == [1, 2, 4, 8, 16, 33]
    assert max(len(lines) for lines in blocks[-50:]) < 2 * 256 + 1
    assert [line for lines in blocks for line in lines] == list(range(2, 51_002))
