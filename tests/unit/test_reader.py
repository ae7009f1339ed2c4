"""Las órdenes, como las tiene que escribir quien lee el mensaje."""

from pathlib import Path

import pytest

from etl.reader import many, order
from extras.output import place


@pytest.mark.parametrize(
    ("words", "outside", "inside"),
    [
        ("run --again", "etl run --again", "docker compose run --rm app_etl run --again"),
        ("new datos/a.csv", "etl new datos/a.csv", "CODE_MODE=rw docker compose run --rm migrate etl new datos/a.csv"),
        ("revision", "etl revision", "CODE_MODE=rw docker compose run --rm migrate etl revision"),
        ("migrate", "etl migrate", "docker compose run --rm migrate"),
    ],
)
def test_in_a_container_an_order_is_given_to_the_service_that_can_obey_it(
    monkeypatch: pytest.MonkeyPatch, words: str, outside: str, inside: str
) -> None:
    assert order(words) == outside
    monkeypatch.setattr("etl.reader.IN_IMAGE", True)
    assert order(words) == inside


@pytest.mark.parametrize(
    ("inside", "seen"),
    [
        ("/datos/a.csv", "datos/a.csv"),
        ("/app/declared/a.py", "app/declared/a.py"),
        ("/sql/marts/a.sql", "sql/marts/a.sql"),
        ("/tmp/a.csv", "/tmp/a.csv"),
    ],
)
def test_in_a_container_what_is_mounted_is_where_the_reader_sees_it(
    monkeypatch: pytest.MonkeyPatch, inside: str, seen: str
) -> None:
    monkeypatch.setattr("extras.output.IN_IMAGE", True)
    assert place(Path(inside)) == seen


def test_one_is_not_many() -> None:
    assert [many(count, "columna") for count in (0, 1, 1234)] == ["0 columnas", "1 columna", "1.234 columnas"]
