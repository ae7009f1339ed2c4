"""Trescientos archivos estropeados al azar, siempre los mismos; `make fuzz` pasa diez mil."""

from etl.settings import Settings
from fuzz.check import Fuzzer
from fuzz.seeds import seeds

SEED, FILES = 2026, 150


def test_no_damaged_file_gets_anything_but_its_rows_or_a_reason(settings: Settings) -> None:
    """La mitad con cada versión de PostgreSQL. Uno suelto se repite con lo que dice su mensaje."""
    fuzzer = Fuzzer(settings, SEED, seeds())
    first = 1 if fuzzer.looking.info.server_version < 170_000 else 1 + FILES
    try:
        found = [
            f'{problem}; make fuzz ARGS="--seed {SEED} --files 1 --first {problem.number}"'
            for problem in fuzzer.run(range(first, first + FILES))
        ]
    finally:
        fuzzer.close()
    assert not found, "\n".join(found)
    assert fuzzer.statuses["loaded"] > FILES / 2
    assert fuzzer.statuses["refused"] > FILES / 30
