"""La detección acierta todo el corpus, y lo dudoso lo dice."""

import pytest

from corpus.answers import Case, cases
from extras.undeclared.detection.charset import detect_encoding
from extras.undeclared.detection.detect import Detected, detect
from extras.undeclared.names import column_names, name_warnings

READABLE = [case for case in cases() if case.path.stat().st_size]


def detected(case: Case) -> Detected:
    return detect(case.path.read_bytes())


@pytest.mark.parametrize("case", READABLE, ids=lambda case: case.name)
def test_encoding_of_every_file_is_found(case: Case) -> None:
    assert detected(case).dialect.encoding == case.encoding, case.about


@pytest.mark.parametrize("case", READABLE, ids=lambda case: case.name)
def test_dialect_of_every_file_is_found(case: Case) -> None:
    found = detected(case)
    if len(case.columns) > 1:  # con una sola columna no hay separador que acertar
        assert found.delimiter == case.delimiter, case.about
    assert case.quote in (None, found.dialect.quote), case.about
    assert found.dialect.escape == case.escape, case.about
    assert found.line_end == case.line_end, case.about


@pytest.mark.parametrize("case", READABLE, ids=lambda case: case.name)
def test_header_of_every_file_is_found(case: Case) -> None:
    found = detected(case)
    assert found.dialect.header == case.header, case.about
    assert found.dialect.preamble_rows == case.preamble_rows, case.about
    assert found.header_rows == case.header_rows, case.about
    assert list(found.columns) == case.columns, case.about


# De estos se avisa al leer sus filas: aquí solo se mira el principio.
LATER = ("cabecera_repetida", "dos_archivos_pegados", "tpch")


@pytest.mark.parametrize("case", [case for case in READABLE if case.name not in LATER], ids=lambda case: case.name)
def test_what_is_doubtful_is_said_and_nothing_else_is(case: Case) -> None:
    found = detected(case)
    told = [*found.warnings, *name_warnings(found.columns, column_names(found.columns), found.unnamed)]
    assert bool(told) == case.warns, case.about


def test_a_character_cut_by_the_sample_is_not_a_broken_file() -> None:
    sample = "id,ciudad\n1,Logroño\n2,Peñ".encode()[:-1]
    assert detect_encoding(sample, complete=False) == ("utf-8", [])


def test_what_is_true_of_a_few_rows_is_true_of_a_megabyte() -> None:
    rows = "".join(f'{n};"Calle {n}; 2º";{n},50;01/{n % 12 + 1:02}/2024\n' for n in range(40_000))
    found = detect(("id;calle;precio;fecha\n" + rows).encode("latin-1")[: 1 << 20], complete=False)
    assert (found.dialect.delimiter, found.dialect.encoding, found.columns[0]) == (";", "latin-1", "id")


@pytest.mark.parametrize(("text", "quote"), [("a,b\n,'\n", '"'), ("n,t\n1,'x'\n2,'y, z'\n3,'w\n", "'")])
def test_an_apostrophe_that_wraps_nothing_is_text(text: str, quote: str) -> None:
    assert detect(text.encode()).dialect.quote == quote


def test_a_backslash_that_takes_a_delimiter_from_a_row_is_text() -> None:
    assert detect(b"a,b\n\\,\n").dialect.escape is None
