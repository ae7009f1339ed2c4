"""De texto a valores: qué se entiende, qué no, y que nada se adivina."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from etl.dialect import Dialect
from etl.transform.parse import parse

MONEY = pa.decimal128(10, 2)
MOMENT = pa.timestamp("us")


def values(texts: list[str | None], data_type: pa.DataType, **dialect: Any) -> list[Any]:
    column = parse(pa.chunked_array([pa.array(texts, pa.string())]), data_type, Dialect(**dialect))
    assert column.type == data_type
    return column.to_pylist()


def each(texts: list[str], data_type: pa.DataType, **dialect: Any) -> list[Any]:
    """Los mismos valores, de uno en uno: sin otro malo al lado, la conversión va por el camino rápido."""
    return [values([text], data_type, **dialect)[0] for text in texts]


@pytest.mark.parametrize("read", [values, each])
def test_integers_are_digits_and_a_sign(read: Any) -> None:
    texts = ["7", "-3", "+2", " 4 ", "007", "2147483647", "-2147483648"]
    assert read(texts, pa.int32()) == [7, -3, 2, 4, 7, 2147483647, -2147483648]


@pytest.mark.parametrize("read", [values, each])
def test_what_is_not_an_integer_that_fits_has_no_value(read: Any) -> None:
    texts = ["", "1.0", "1e3", "0x1F", "1_000", "٣", "2147483648", "--1", "1 2"]
    assert read(texts, pa.int32()) == [None] * len(texts)


@pytest.mark.parametrize("read", [values, each])
def test_decimals_keep_every_digit(read: Any) -> None:
    texts = ["0.10", "12.500", ".5", "5.", "-0.01", "99999999.99", "1e3"]
    expected = ["0.10", "12.50", "0.50", "5.00", "-0.01", "99999999.99", "1000.00"]
    assert read(texts, MONEY) == [Decimal(text) for text in expected]


@pytest.mark.parametrize("read", [values, each])
def test_a_decimal_is_never_rounded_nor_cut(read: Any) -> None:
    texts = ["12.505", "100000000.00", "1e-3", "NaN", "Infinity", "-inf", "1,5", "12 €", ""]
    assert read(texts, MONEY) == [None] * len(texts)


def test_real_numbers_are_finite() -> None:
    texts = ["1.5", "-0.25", "1e300", "1e400", "nan", "inf", "-Infinity", "0x1p3"]
    assert values(texts, pa.float64()) == [1.5, -0.25, 1e300, None, None, None, None, None]


def test_spanish_numbers_need_the_declared_decimal_and_thousands() -> None:
    texts = ["1.234,56", "1234,56", "12,", "-1.234.567,8", "1.234"]
    wrong = ["12.5", "12.34,5", "1,234.5", "1.2345,0", ",,1"]
    spanish = {"decimal": ",", "thousands": "."}
    expected = ["1234.56", "1234.56", "12.00", "-1234567.80", "1234.00"]
    assert values(texts, MONEY, **spanish) == [Decimal(text) for text in expected]
    assert values(wrong, MONEY, **spanish) == [None] * len(wrong)


def test_a_point_is_not_thousands_unless_declared() -> None:
    assert values(["1.234,5", "1234,5"], MONEY, decimal=",") == [None, Decimal("1234.50")]


def test_dates_must_exist() -> None:
    texts = ["2024-02-29", "2023-02-29", "2024-13-01", "2024-3-7", " 2024-03-07 ", "0001-01-01", "9999-12-31"]
    assert values(texts, pa.date32()) == [
        date(2024, 2, 29),
        None,
        None,
        date(2024, 3, 7),
        date(2024, 3, 7),
        date(1, 1, 1),
        date(9999, 12, 31),
    ]


@pytest.mark.parametrize("text", ["0000-01-01", "10000-01-01", "20240307", "07/03/2024", "2024-03-07 10:00"])
def test_other_ways_of_writing_a_date_are_not_guessed(text: str) -> None:
    assert values([text], pa.date32()) == [None]


def test_a_declared_date_format_is_the_only_one_accepted() -> None:
    texts = ["31/12/2024", "1/2/2024", "31/02/2024", "2024-12-31", "31-12-2024", "31/12/24"]
    expected = [date(2024, 12, 31), date(2024, 2, 1), None, None, None, None]
    assert values(texts, pa.date32(), date_format="%d/%m/%Y") == expected


def test_two_digit_years_turn_at_69() -> None:
    texts = ["31/12/24", "01/01/68", "01/01/69"]
    expected = [date(2024, 12, 31), date(2068, 1, 1), date(1969, 1, 1)]
    assert values(texts, pa.date32(), date_format="%d/%m/%y") == expected


def test_moments_are_read_to_the_microsecond() -> None:
    texts = ["2024-03-07 10:11:12.123456", "2024-03-07T10:11:12", "2024-03-07", "2024-03-07 24:00:00", "ayer"]
    assert values(texts, MOMENT) == [
        datetime(2024, 3, 7, 10, 11, 12, 123456),
        datetime(2024, 3, 7, 10, 11, 12),
        datetime(2024, 3, 7),
        None,
        None,
    ]


def test_a_moment_in_a_declared_format() -> None:
    texts = ["07/03/2024 1:30", "07/03/2024 25:00"]
    assert values(texts, MOMENT, date_format="%d/%m/%Y %H:%M") == [datetime(2024, 3, 7, 1, 30), None]


def test_a_moment_with_zone_needs_its_offset() -> None:
    zoned = pa.timestamp("us", "UTC")
    expected = datetime(2024, 3, 7, 8, 0, tzinfo=UTC)
    assert values(["2024-03-07 10:00:00+02:00", "2024-03-07 08:00:00Z"], zoned) == [expected, expected]
    assert values(["2024-03-07 08:00:00"], zoned) == [None]
    assert values(["2024-03-07 08:00:00Z"], MOMENT) == [None]


def test_booleans_are_the_declared_words_in_any_case() -> None:
    assert values(["Sí", "NO", " s ", "1", "quizá", ""], pa.bool_()) == [True, False, True, True, None, None]
    assert values(["on", "true"], pa.bool_(), true_words=("on",), false_words=("off",)) == [True, None]


def test_text_is_left_alone() -> None:
    texts = ["00123", " a ", "=1+1", "N/D", "", "1.234"]
    assert values(texts, pa.string()) == texts


@pytest.mark.parametrize("data_type", [pa.int64(), MONEY, pa.float64(), pa.date32(), MOMENT, pa.bool_(), pa.string()])
def test_nulls_stay_null_and_an_empty_column_stays_empty(data_type: pa.DataType) -> None:
    assert values([None, None], data_type) == [None, None]
    assert values([], data_type) == []
