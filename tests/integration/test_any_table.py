"""Cualquier tabla de textos, escrita de cualquier manera corriente, vuelve igual con --text."""

from dataclasses import dataclass

from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from psycopg import sql

from etl.settings import Settings
from own_rows import run_with
from support import connect_settings

# Los caracteres que rompen lectores, y cualquier otro que PostgreSQL admita.
AWKWARD = ['"', "'", ",", ";", "\t", "|", "\\", "\n", "\r\n", "\r", " ", "ñ", "€", "0", ".", "-", "="]
CHARACTERS = st.one_of(
    st.sampled_from(AWKWARD), st.characters(codec="utf-8", exclude_characters="\0\x1f\x1c\x1d\x1e\x85\u2028\u2029")
)
VALUES = st.one_of(st.none(), st.lists(CHARACTERS, max_size=8).map("".join))


@dataclass(frozen=True)
class Writing:
    """Cómo se escribe la tabla: separador, fin de línea, codificación y si todo va entre comillas."""

    delimiter: str
    line_end: str
    encoding: str
    all_quoted: bool


WRITINGS = st.builds(
    Writing,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str | None]]:
    width = draw(st.integers(2, 5))
    return draw(st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=6))


def written(rows: list[list[str | None]], writing: Writing) -> bytes:
    """La tabla con una cabecera y una fila que no dejan dudas; un nulo es nada, y un vacío, «""»."""
    width = len(rows[0])
    marks = ('"', writing.delimiter, "\n", "\r")
    lines = [["abcde"[number] for number in range(width)], *rows]
    text = writing.line_end.join(
        writing.delimiter.join(_cell(value, marks, writing.all_quoted) for value in row) for row in lines
    )
    return (text + writing.line_end).encode(writing.encoding)


def _cell(value: str | None, marks: tuple[str, ...], always: bool) -> str:
    if value is None:
        return ""
    if always or value == "" or value != value.strip() or any(mark in value for mark in marks):
        return '"' + value.replace('"', '""') + '"'
    return value


@with_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), WRITINGS)
def test_any_table_comes_back_as_it_was(settings: Settings, rows: list[list[str | None]], writing: Writing) -> None:
    rows = [row for row in rows if any(value is not None for value in row)] or [["a"] * len(rows[0])]
    if rows[-1][0] is not None and not any(rows[-1][1:]):
        rows.append(rows[0])  # sola y distinta de las demás, la última sería un pie
    path = settings.datos_dir / "tabla.csv"
    path.write_bytes(written(rows, writing))
    [result] = run_with(settings, [], path, as_text=True).files
    assert result.status in ("loaded", "skipped"), result.reason
    with connect_settings(settings) as connection:
        table = sql.Identifier(*str(result.table).split("."))
        found = connection.execute(sql.SQL("SELECT * FROM {} ORDER BY _line").format(table)).fetchall()
    assert [list(row[:-2]) for row in found] == rows, result.warnings
