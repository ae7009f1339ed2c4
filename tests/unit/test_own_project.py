"""Las pruebas corren con lo que ellas declaran, en este proceso y en los que lanzan."""

import subprocess
import sys
from pathlib import Path

import declared
from etl.settings import Settings
from loader import environment
from own_project import OWN, own_project


def where_declared(pythonpath: dict[str, str]) -> str:
    """La carpeta de la que otro proceso toma las declaraciones."""
    code = "import declared; print(*declared.__path__)"
    env = environment(Settings(), **pythonpath)
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_declared_is_what_the_tests_declare_here_and_in_other_processes() -> None:
    assert list(declared.__path__) == [str(OWN / "declared")]
    assert where_declared({}) == str(OWN / "declared")


def test_a_project_of_the_tests_declares_the_same_and_nothing_else(tmp_path: Path) -> None:
    project = own_project(tmp_path / "proyecto")
    assert where_declared({"PYTHONPATH": str(project / "app")}) == str(project / "app" / "declared")
    for folder, copy in (("declared", "app/declared"), ("sql/marts", "sql/marts")):
        own, found = (
            {path.name for path in place.iterdir() if path.is_file()} for place in (OWN / folder, project / copy)
        )
        assert found == own
    revisions = {path.name[:4] for path in (project / "sql" / "migrations" / "versions").glob("*.py")}
    assert revisions == {"0001", "0002"}
    assert [path.name for path in (project / "datos").iterdir()] == ["salida"]
