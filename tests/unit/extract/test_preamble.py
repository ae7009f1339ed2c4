"""Cuántas líneas hay encima de la cabecera declarada."""

import pyarrow as pa
import pytest

from etl.dialect import Dialect
from etl.schema import Column, Schema
from extras.formats.preamble import lines_above_header

SCHEMA = Schema((Column("id", pa.int64(), nullable=False), Column("código_postal", pa.string())))


@pytest.mark.parametrize(
    ("text", "above"),
    [
        ("id,código_postal\n1,03001\n", 0),
        ("Un título\nid,código_postal\n", 1),
        ('"Ventas, por tienda"\nid,código_postal\n', 1),
        ("Un\u2028título\x85\r\n\r\nId , Código postal\r\n", 2),
        ("\n\nid\n", 0),  # las líneas vacías ya se saltan sin avisar
        ("sep=,\nid\n", 0),
        ('"sin cerrar\nid\n', 1),
        ("Un título\notra cosa\n", 0),
        ("x\n" * 40 + "id\n", 0),
    ],
)
def test_only_what_is_above_the_whole_header_is_left_out(text: str, above: int) -> None:
    assert lines_above_header(text.encode(), Dialect(), SCHEMA) == above


def test_the_declared_lines_are_not_counted_again() -> None:
    assert lines_above_header(b"uno\ndos\nid\n", Dialect(preamble_rows=1), SCHEMA) == 1
    assert lines_above_header(b"uno\nid\n", Dialect(header=False), SCHEMA) == 0
