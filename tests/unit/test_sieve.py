"""Las claves repetidas de un archivo: las líneas que dice el filtro son las que dice contarlas una a una."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extras.bulk.sieve import repeated_lines

# De cada tipo, cómo es la clave número n.
KINDS = {
    "int64": (pa.int64(), lambda n: n - 5),
    "int16": (pa.int16(), lambda n: n),
    "date": (pa.date32(), lambda n: date.fromordinal(700_000 + n)),
    "decimal": (pa.decimal128(12, 2), lambda n: Decimal(n) / 4),
    "text": (pa.string(), lambda n: "ñ" * (n % 7) + str(n)),
}


@pytest.mark.parametrize("kind", KINDS)
@given(again=st.lists(st.integers(0, 199), max_size=8), size=st.integers(1, 250))
def test_the_lines_of_the_keys_that_appear_twice(kind: str, again: list[int], size: int) -> None:
    data_type, value = KINDS[kind]
    numbers = [*range(200), *again]
    whole = pa.table({"a": pa.array(map(value, numbers), data_type), "b": pa.array([True] * len(numbers))})
    whole = whole.append_column("_line", pa.array(range(2, 2 + len(numbers))))
    chunks = [whole.slice(at, size) for at in range(0, len(numbers), size)]
    times = Counter(numbers)
    assert repeated_lines(chunks, ("a", "b", "_load_id")) == [
        line for line, number in enumerate(numbers, 2) if times[number] > 1
    ]


def test_with_no_keys_or_with_most_of_them_repeated_it_says_none() -> None:
    assert repeated_lines([], ("a",)) == []
    assert repeated_lines([pa.table({"a": [1, 2, 1, 2], "_line": [2, 3, 4, 5]})], ("a",)) == []
