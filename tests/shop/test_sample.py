"""Los datos de ejemplo de `datos/`: se leen todos, dan sus marts y los dos motores los cargan igual."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from etl.settings import ROOT, Settings
from own_rows import query
from project.command import etl
from spark.parity import assert_equal, clear, state
from support import ServerAddress

SAMPLE = ROOT / "datos"


def test_doctor_can_read_every_file(settings: Settings) -> None:
    done = etl(replace(settings, datos_dir=SAMPLE), "doctor", "--json")
    found = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "datos"]
    assert [(one["state"], one["found"]) for one in found] == [("ok", "15 archivos; de ninguno se rechazaría su forma")]


def test_every_mart_has_rows(settings: Settings, run: Callable[..., dict[str, Any]]) -> None:
    run(SAMPLE)
    for path in (ROOT / "sql" / "marts").glob("*.sql"):
        assert query(settings, f"SELECT count(*) > 0 FROM marts.{path.stem}") == [True]


def test_the_dictionary_is_what_the_command_writes(settings: Settings, run: Callable[..., dict[str, Any]]) -> None:
    run(SAMPLE)
    written = etl(settings, "catalog")
    assert written.stdout == (ROOT / "docs" / "diccionario.md").read_text(encoding="utf-8"), written.stderr


@pytest.mark.spark
@pytest.mark.any_server
def test_both_engines_leave_the_same(settings: Settings, database: ServerAddress) -> None:
    there = replace(settings, datos_dir=SAMPLE)
    assert etl(there, "run", "--quiet").returncode == 0
    expected = state(database)
    clear(database)
    assert etl(there, "run", "--quiet", "--engine", "spark").returncode == 0
    assert_equal(expected, state(database))
    assert len(expected["ventas"]) == 49_542
