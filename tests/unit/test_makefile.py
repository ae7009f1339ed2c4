"""El Makefile se explica solo, y un Python viejo, o demasiado nuevo, recibe una frase y no un error."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_order_says_what_it_does() -> None:
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE))
    described = re.findall(r"^([a-z-]+):.*## \w.*\.$", MAKEFILE, re.MULTILINE)
    assert sorted(described) == sorted(set(phony.split()) - {"moved"})


def test_make_alone_lists_the_orders() -> None:
    if shutil.which("make") is None:
        pytest.skip("falta make")
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make run" in done.stdout
    assert "make help" in done.stdout


@pytest.mark.parametrize(
    ("version", "lock"),
    [((3, 8, 20), "local"), ((3, 10, 2), "dev"), ((3, 15, 0), "dev"), ((3, 14, 0), "spark")],
)
def test_a_python_out_of_range_is_told_which_ones_will_do(version: tuple[int, ...], lock: str) -> None:
    pretend = f"import sys, install; sys.version_info = {version}; sys.exit(install.main({lock!r}))"
    command, folder = [sys.executable, "-c", pretend], ROOT / "requirements"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"Hace falta Python de 3.11 a 3.14 (con Spark, hasta 3.13) y este es el {version[0]}.{version[1]}: "
        f"{sys.executable}",
        "Si tiene otro instalado, dígalo así: make run PYTHON=python3.13",
    ]


def test_an_old_python_can_read_the_installer() -> None:
    text = (ROOT / "requirements" / "install.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 5))


def test_the_package_and_the_installer_admit_the_same_pythons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    admitted = SpecifierSet(project["requires-python"])
    assert [minor for minor in range(8, 20) if f"3.{minor}.1" in admitted] == [11, 12, 13, 14]
