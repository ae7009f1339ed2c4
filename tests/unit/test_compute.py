"""La transformación de un data set: qué recibe, qué se le admite y qué se dice cuando no hace lo que debe."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import annotated_types as at
import pandas as pd
import pyarrow as pa
import pytest

from etl.chunk import Chunk
from etl.dialect import Dialect
from etl.errors import FileFailed
from etl.rules import Pattern
from etl.schema import Column, Declared, RowCheck, Schema, Table
from etl.transform import compute
from etl.transform.validate import transform

COLUMNS = (
    Column("id", pa.int32(), nullable=False),
    Column("correo", pa.string(), rules=(Pattern("^[a-z]+@[a-z.]+$", "ana@correo.es"),)),
    Column("unidades", pa.int32()),
    Column("precio", pa.decimal128(10, 2), nullable=False, rules=(at.Gt(0),)),
    Column("dia", pa.date32()),
    Column("importe", pa.decimal128(14, 2), nullable=False, rules=(at.Ge(0),), computed=True),
)
ROWS = [
    {"id": "1", "correo": " Ana@Correo.ES ", "unidades": "3", "precio": "1.25", "dia": "2024-02-29"},
    {"id": "2", "correo": None, "unidades": None, "precio": "2.00", "dia": None},
    {"id": "3", "correo": "eva@correo.es", "unidades": "2", "precio": "0.10", "dia": "2024-03-01"},
]


def amount(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(importe=rows["unidades"].fillna(0) * rows["precio"])


def run(
    function: Callable[[pd.DataFrame], Any] | None, given: list[dict[str, str | None]] = ROWS, **changes: Any
) -> tuple[list[dict[str, Any]], list[tuple[int, str, str | None, str]]]:
    """Las filas que quedan, y línea, motivo, valor y mensaje de las demás; la primera es la línea 2."""
    declared = Declared(Table("datos", "cosas"), Schema(COLUMNS), Dialect(), "cosas*", function)
    declared = replace(declared, **changes)
    texts = pa.table(
        {column.name: pa.array([row[column.name] for row in given], pa.string()) for column in COLUMNS[:-1]}
    )
    chunk = Chunk(texts, pa.array(range(2, len(given) + 2)), lambda row: f"original {row}", declared.dialect)
    table, rejects = transform(chunk, declared)
    assert table.num_rows + len(rejects) == len(given)
    assert all(reject.raw == f"original {reject.line - 2}" for reject in rejects)
    return table.to_pylist(), [(one.line, one.code, one.value, one.message) for one in rejects]


def test_it_receives_declared_types_and_the_line_as_index() -> None:
    seen: list[pd.DataFrame] = []

    def look(rows: pd.DataFrame) -> pd.DataFrame:
        seen.append(rows)
        return amount(rows)

    run(look)
    [frame] = seen
    assert list(frame.index) == [2, 3, 4]
    assert (
        {name: kind.pyarrow_dtype for name, kind in frame.dtypes.items()}
        == {  # type: ignore[union-attr]
            column.name: column.type for column in COLUMNS[:-1]
        }
    )


def test_it_cleans_before_the_rule_looks_and_adds_columns() -> None:
    def clean(rows: pd.DataFrame) -> pd.DataFrame:
        return amount(rows).assign(correo=rows["correo"].str.strip().str.lower())

    rows, rejects = run(clean)
    assert rejects == []
    assert [(row["correo"], row["importe"], row["_line"]) for row in rows] == [
        ("ana@correo.es", Decimal("3.75"), 2),
        (None, Decimal("0.00"), 3),
        ("eva@correo.es", Decimal("0.20"), 4),
    ]


def test_a_row_that_breaks_a_rule_shows_what_was_made_of_it_and_what_was_read_if_nothing_was() -> None:
    def spoil(rows: pd.DataFrame) -> pd.DataFrame:
        return amount(rows).assign(importe=rows["precio"] * Decimal(-1))

    _, rejects = run(spoil)
    assert rejects[0] == (
        2,
        "pattern",
        " Ana@Correo.ES ",
        "columna «correo»: se leyó « Ana@Correo.ES » y se esperaba un texto como «ana@correo.es»; además, "
        "columna «importe»: la transformación dejó «-1.25» y se esperaba un valor mayor o igual que 0",
    )
    assert [one[1] for one in rejects] == ["pattern", "out_of_range", "out_of_range"]


def test_money_is_rounded_half_up_and_never_goes_through_floats() -> None:
    def tax(rows: pd.DataFrame) -> pd.DataFrame:
        return amount(rows).assign(correo=None, importe=rows["precio"] * Decimal("0.5"))

    rows, _ = run(tax, [row | {"precio": price} for row, price in zip(ROWS, ("0.25", "0.35", "2.45"), strict=True)])
    assert [row["importe"] for row in rows] == [Decimal("0.13"), Decimal("0.18"), Decimal("1.23")]


def test_a_row_it_drops_is_set_aside_as_filtered() -> None:
    rows, rejects = run(lambda rows: amount(rows).assign(correo=None)[rows["id"] != 2])
    assert [row["id"] for row in rows] == [1, 3]
    assert rejects == [(3, "filtered", None, "la transformación la descarta")]


def test_a_row_in_which_it_fails_is_found_among_many() -> None:
    many = [ROWS[2] | {"id": str(number), "unidades": "0" if number in (7, 800) else "2"} for number in range(1000)]

    def divide(rows: pd.DataFrame) -> pd.DataFrame:
        each = [Decimal(1) / int(units) for units in rows["unidades"]]
        return rows.assign(importe=each)

    rows, rejects = run(divide, many)
    assert len(rows) == 998
    assert [(line, code) for line, code, *_ in rejects] == [(9, "transform"), (802, "transform")]
    assert "la transformación falla: DivisionByZero" in rejects[0][3]
    assert ", línea " in rejects[0][3]


def test_unreadable_values_never_reach_it() -> None:
    rows, rejects = run(lambda rows: amount(rows).assign(correo=None), [ROWS[0] | {"precio": "caro"}, *ROWS[1:]])
    assert [row["id"] for row in rows] == [2, 3]
    assert rejects == [
        (
            2,
            "type",
            "caro",
            "columna «precio»: se leyó «caro» y se esperaba un número con 8 cifras enteras y 2 decimales como máximo",
        )
    ]


WRONG: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "devuelve nada": (lambda _rows: None, "devuelve NoneType"),
    "pierde el índice": (lambda rows: amount(rows)[1:].reset_index(drop=True), "filas que no recibió"),
    "repite": (lambda rows: pd.concat([amount(rows), amount(rows)]), "repite la fila de la línea 2"),
    "inventa": (lambda rows: amount(rows).set_index(pd.Index([2, 3, 99])), "filas que no recibió"),
    "ordena": (lambda rows: amount(rows).sort_values("id", ascending=False), "cambia el orden"),
    "le falta una columna": (lambda rows: rows, "la columna «importe» falta"),
    "le sobra una columna": (lambda rows: amount(rows).assign(otra=1), "la columna «otra» no está declarada"),
    "repite una columna": (
        lambda rows: pd.concat([amount(rows), amount(rows)[["importe"]]], axis=1),
        "la columna «importe» está repetida",
    ),
    "dos pisos de nombres": (lambda rows: pd.concat({"a": amount(rows)}, axis=1), "no está declarada"),
    "se va": (lambda _rows: sys.exit(0), "SystemExit: 0"),
    "coma flotante": (lambda rows: amount(rows).assign(importe=0.5), "es double (0.5) y se esperaba un decimal exacto"),
    "texto por número": (lambda rows: amount(rows).assign(unidades="3"), "se esperaba un número entero"),
    "número por texto": (lambda rows: amount(rows).assign(correo=3), "se esperaba un texto"),
    "mezcla": (lambda rows: amount(rows).assign(importe=[Decimal(1), "uno", None]), "mezcla valores"),
    "falla siempre": (lambda rows: rows["no existe"], "KeyError"),
}


@pytest.mark.parametrize(("function", "message"), WRONG.values(), ids=WRONG)
def test_what_it_does_wrong_is_told_to_who_wrote_it(function: Callable[[pd.DataFrame], Any], message: str) -> None:
    with pytest.raises(FileFailed) as caught:
        run(function)
    assert message in caught.value.message
    assert f"({__file__}, línea {function.__code__.co_firstlineno})" in caught.value.message
    assert "Primera fila: línea 2." in caught.value.message
    assert caught.value.hint


def test_the_row_that_is_told_is_the_first_that_fails() -> None:
    def fail(rows: pd.DataFrame) -> pd.DataFrame:
        if (rows["id"] > 1).any():
            raise ValueError(f"no con {rows['id'].max()}")
        return amount(rows)

    with pytest.raises(FileFailed) as caught:
        run(fail)
    assert "ValueError: no con 2" in caught.value.message
    assert "Primera fila: línea 3." in caught.value.message


def test_the_obvious_formula_on_decimals_is_answered_with_its_cure() -> None:
    def obvious(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(importe=rows["unidades"] * rows["precio"] * (1 - rows["precio"] / 100))

    with pytest.raises(FileFailed, match="Decimal precision out of range") as caught:
        run(obvious)
    assert "Decimal(1)" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"importe": None}, "missing"),
        ({"importe": Decimal(10) ** 13}, "type"),
        ({"unidades": 1.5}, "type"),
        ({"unidades": float("nan")}, None),
        ({"dia": pd.Timestamp("2024-02-29 10:00")}, "type"),
        ({"dia": pd.Timestamp("2024-02-29")}, None),
        ({"dia": date(1, 1, 1)}, None),
        ({"correo": pd.NA}, None),
    ],
    ids=str,
)
def test_a_value_of_the_right_kind_that_does_not_fit_sets_its_row_aside(
    changes: dict[str, Any], code: str | None
) -> None:
    _, rejects = run(lambda rows: amount(rows).assign(**{"correo": None, **changes}), ROWS[:1])
    assert [one[1] for one in rejects] == ([code] if code else [])


def test_what_it_does_not_touch_comes_back_the_same() -> None:
    extreme = ROWS[0] | {"id": "-2147483648", "correo": "", "dia": "0001-01-01", "precio": "99999999.99"}
    with_it, _ = run(
        lambda rows: rows.assign(importe=Decimal(0)),
        [extreme],
        rows=Schema(tuple(replace(column, rules=()) for column in COLUMNS)),
    )
    assert with_it == [
        {
            "id": -2147483648, "correo": "", "unidades": 3, "precio": Decimal("99999999.99"),
            "dia": date(1, 1, 1), "importe": Decimal("0.00"), "_line": 2,
        }
    ]  # fmt: skip


def test_row_checks_see_the_computed_columns() -> None:
    check = RowCheck("importe_alto", "importe >= precio", "el importe llega al precio")
    _, rejects = run(amount, ROWS[1:2], rows=Schema(COLUMNS, (check,)))
    assert rejects == [(2, "check", None, "no se cumple: el importe llega al precio")]


def test_more_failures_than_are_worth_looking_for_stop_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "MOST_RAISED", 3)
    many = [ROWS[2] | {"id": str(number), "unidades": "0" if number < 5 else "2"} for number in range(100)]

    def divide(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(importe=[Decimal(1) / int(units) for units in rows["unidades"]])

    with pytest.raises(FileFailed, match="DivisionByZero"):
        run(divide, many)
