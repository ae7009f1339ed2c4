"""De cualquier codificación a UTF-8, sin inventar lo que no se puede leer."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.extract.source import Utf8Stream, marked_encoding
from extras.formats.look import look_at_encoding

TEXT = "año;€;«𝄞»\nniño;5;ok\n"


class Dribble:
    """Una fuente que da los bytes de pocos en pocos."""

    def __init__(self, data: bytes, size: int) -> None:
        self.stream, self.size = io.BytesIO(data), size

    def read(self, size: int, /) -> bytes:
        return self.stream.read(min(size, self.size))


def utf8(data: bytes, encoding: str, size: int = 1 << 20) -> bytes:
    stream = Utf8Stream(Dribble(data, size), encoding)
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


@pytest.mark.parametrize(
    ("sample", "declared", "expected"),
    [
        (b"a,b\n1,2\n", "utf-8", "utf-8"),
        ("año\n".encode(), "utf-8", "utf-8"),
        ("año\n".encode("latin-1"), "utf-8", "latin-1"),
        ("año 5 €\n".encode("cp1252"), "utf-8", "cp1252"),
        ("año\n".encode("latin-1"), "latin-1", "latin-1"),
        ("año\n".encode("utf-8-sig"), "latin-1", "utf-8"),
        ("año\n".encode("utf-16"), "utf-8", "utf-16-le"),
        (b"\xfe\xff" + "año\n".encode("utf-16-be"), "utf-8", "utf-16-be"),
        ("niño\naño\n".encode() + "España\n".encode("latin-1"), "utf-8", "utf-8"),
        ("año\n".encode()[:2], "utf-8", "latin-1"),
        (b"", "utf-8", "utf-8"),
    ],
)
def test_the_encoding_is_the_mark_or_the_declared_one_unless_it_is_plainly_another(
    sample: bytes, declared: str, expected: str
) -> None:
    marked = marked_encoding(sample, declared)
    assert look_at_encoding(sample, marked)[0] == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@given(text=st.text(st.characters(codec="utf-8")), size=st.integers(1, 7))
def test_any_text_comes_out_as_utf8_however_it_is_cut(encoding: str, text: str, size: int) -> None:
    assert utf8(b"" + text.encode(encoding), encoding, size) == text.removeprefix("\ufeff").encode()


def test_latin1_and_cp1252_come_out_as_utf8() -> None:
    assert utf8("niño".encode("latin-1"), "latin-1", 1) == "niño".encode()
    assert utf8("5 €".encode("cp1252"), "cp1252", 1) == "5 €".encode()


def test_the_byte_order_mark_is_dropped() -> None:
    assert utf8(TEXT.encode("utf-8-sig"), "utf-8") == TEXT.encode()
    assert utf8(TEXT.encode("utf-16"), "utf-16-le") == TEXT.encode()


def test_what_cannot_be_read_stays_unreadable() -> None:
    """Un byte que no es UTF-8 ni lo será: su línea se aparta después, y solo ella."""
    assert utf8(b"a\x81b\nc\n", "cp1252").splitlines() == [b"a\xffb", b"c"]


@pytest.mark.parametrize("size", [1, 3, 4, 1 << 20])
def test_a_broken_character_in_utf16_spoils_its_line_only(size: int) -> None:
    data = "uno\nd".encode("utf-16-le") + b"\x00\xd8" + "s\ntres\n".encode("utf-16-le")
    assert utf8(data, "utf-16-le", size).splitlines() == [b"uno", b"d\xffs", b"tres"]


def test_a_utf16_file_cut_in_the_middle_of_a_character_spoils_its_last_line() -> None:
    assert utf8("uno\ndos".encode("utf-16-le")[:-1], "utf-16-le", 2).splitlines() == [b"uno", b"do\xff"]
