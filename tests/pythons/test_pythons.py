"""`make run` con cada Python que se promete, de verdad: su intérprete, su entorno nuevo y sus paquetes del candado."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from compose.stack import fresh_copy
from own_project import declare_own
from own_sample import Expected, write_sample

# El de ahora lo prueban todas las demás.
OTHERS = [f"3.{minor}" for minor in range(11, 16) if minor != sys.version_info.minor]
COUNTS = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")
LATER = "ventas_2025-02.csv.gz"


def interpreter(version: str) -> str:
    """El de esa versión, si lo hay y arranca: el de pyenv puede estar en el PATH y no hacerlo."""
    found = shutil.which(f"python{version}")
    if found is None or subprocess.run([found, "-c", ""], stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip(f"falta python{version} (en Debian: .ci/pythons)")
    return found


def run(folder: Path, *command: str) -> str:
    """Lo que escribe una orden en esa copia del proyecto, que trabaja con su propio PostgreSQL y sin avisos."""
    # Sin lo que otras pruebas, que lanzan Spark en este mismo proceso, dejan dicho para sus ejecutores; ni lo que un
    # «make test» dice a los make que lanza, que escribirían además en qué carpeta están.
    ours = ("DB_", "PYTHON", "PYSPARK", "SPARK", "_SPARK", "MAKE", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower(), done.stderr
    return done.stdout


def counted(document: dict[str, Any]) -> dict[str, Expected]:
    return {one["file"]: Expected(*(one[name] for name in COUNTS)) for one in document["files"] if one["rows_read"]}


@pytest.fixture(scope="module")
def plays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """Lo que hace cada intérprete, de dos en dos: sobre todo, esperar a que lleguen sus paquetes."""
    asked = [item.callspec.params["version"] for item in request.session.items if item.module is request.module]
    with ThreadPoolExecutor(2) as threads:
        yield {one: threads.submit(play, one, tmp_path_factory.mktemp("pythons")) for one in asked}


def play(version: str, scratch: Path) -> None:
    python = interpreter(version)
    folder = declare_own(fresh_copy(scratch / "proyecto"))
    expected = write_sample(folder / "datos", 2400, months=2)
    later = (folder / "datos" / LATER).rename(scratch / LATER)
    try:
        found = counted(json.loads(run(folder, "make", "run", f"PYTHON={python}", "ARGS=--json")))
        assert found == {name: count for name, count in expected.items() if name != LATER}
        run(folder, python, "requirements/install.py", "spark-4.3")
        later.rename(folder / "datos" / LATER)
        document = json.loads(run(folder, "make", "run", f"PYTHON={python}", "ARGS=--engine spark --json"))
        assert counted(document)[LATER] == expected[LATER]
    finally:
        subprocess.run(["make", "clean"], cwd=folder, capture_output=True, check=True)


@pytest.mark.pythons
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("version", OTHERS)
def test_make_run_loads_the_same_with_both_engines(version: str, plays: dict[str, Future[None]]) -> None:
    plays[version].result()
