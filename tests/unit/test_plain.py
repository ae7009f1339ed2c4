"""Lo que el núcleo dice en texto llano."""

from uuid import uuid4

import pytest

from etl.load.ledger import Counts
from etl.plain import show_result
from etl.run import FileResult, RunResult


def test_the_rows_that_the_transformation_drops_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    file = FileResult("a.csv", "cosas", "datos.cosas", counts=Counts(read=9, loaded=4, rejected=5, filtered=3))
    show_result(RunResult(uuid4(), "local", [file], [], {}), quiet=False, explain=lambda _message: [])
    [told, *_] = capsys.readouterr().out.splitlines()
    assert told == (
        "cargado a.csv: 9 filas = 4 cargadas + 0 duplicadas + 5 rechazadas (3 las descarta la transformación)"
    )
