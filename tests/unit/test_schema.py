"""Cada regla: qué valores la cumplen y cómo se dice en palabras."""

from datetime import date
from decimal import Decimal
from typing import Any

import annotated_types as at
import pyarrow as pa
import pytest

from etl.rules import OneOf, Pattern, Rule, expectation, reason_code, satisfies

MONEY = pa.decimal128(8, 2)


@pytest.mark.parametrize(
    ("rule", "data_type", "good", "bad"),
    [
        (at.Ge(1), pa.int32(), [1, 2], [0, -1]),
        (at.Gt(0), MONEY, [Decimal("0.01")], [Decimal("0.00"), Decimal("-0.01")]),
        (at.Le(Decimal("0.1")), MONEY, [Decimal("0.10")], [Decimal("0.11")]),
        (at.Le(0.1), MONEY, [Decimal("0.10")], [Decimal("0.11")]),
        (at.Lt(90), pa.float64(), [89.999], [90.0, 90.001]),
        (at.Ge(date(2000, 1, 1)), pa.date32(), [date(2000, 1, 1)], [date(1999, 12, 31)]),
        (at.MinLen(2), pa.string(), ["ñu"], ["ñ", ""]),
        (at.MaxLen(3), pa.string(), ["año", "", "𝄞𝄞𝄞"], ["años"]),
        (Pattern("^[0-9]{5}$", "08001"), pa.string(), ["08001"], ["8001", "080012", " 08001", "08001\n", ""]),
        (OneOf(("a", "b")), pa.string(), ["a", "b"], ["A", "", "ab"]),
        (OneOf((1e6,)), pa.int64(), [1_000_000], [1, 0]),
    ],
)
def test_a_rule_tells_good_values_from_bad(rule: Rule, data_type: pa.DataType, good: list[Any], bad: list[Any]) -> None:
    column = pa.array([*good, None, *bad], data_type)
    assert satisfies(rule, column).to_pylist() == [True] * len(good) + [None] + [False] * len(bad)


@pytest.mark.parametrize(
    ("rule", "words", "code"),
    [
        (at.Ge(1), "un valor mayor o igual que 1", "out_of_range"),
        (at.Lt(Decimal("0.5")), "un valor menor que 0.5", "out_of_range"),
        (at.MinLen(2), "un texto de 2 caracteres o más", "length"),
        (at.MaxLen(80), "un texto de 80 caracteres como máximo", "length"),
        (Pattern("^[A-Z]$", "Z"), "un texto como «Z»", "pattern"),
        (OneOf(("web", "tienda")), "uno de: web, tienda", "not_allowed"),
    ],
)
def test_a_rule_is_said_in_words_and_with_a_stable_code(rule: Rule, words: str, code: str) -> None:
    assert (expectation(rule), reason_code(rule)) == (words, code)
