"""El Makefile se explica solo, y un Python viejo, o demasiado nuevo, recibe una frase y no un error."""

import ast
import os
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


def told(version: tuple[int, ...], path: str) -> str:
    """Lo que dice la instalación a un Python de esa versión, con esos programas al alcance."""
    pretend = f"import sys, install; sys.version_info = {version}; sys.exit(install.main('local'))"
    command, folder = [sys.executable, "-c", pretend], ROOT / "requirements"
    environment = os.environ | {"PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


@pytest.mark.parametrize("version", [(3, 8, 20), (3, 10, 2), (3, 16, 0)])
def test_a_python_out_of_range_is_told_in_a_sentence_which_one_to_use(version: tuple[int, ...], tmp_path: Path) -> None:
    this = f"{version[0]}.{version[1]} ({sys.executable})"
    assert told(version, str(tmp_path)) == (
        f"Hace falta Python de 3.11 a 3.15 y este es el {this}: "
        "instale el 3.14 (https://www.python.org/downloads/) y repita con él, make run PYTHON=python3.14.\n"
    )
    for name, code in (("python3.15", 127), ("python3.12", 0), ("python3.11", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")  # el primero está y no arranca
        (tmp_path / name).chmod(0o755)
    assert told(version, str(tmp_path)) == (
        f"Hace falta Python de 3.11 a 3.15 y este es el {this}: "
        "use el 3.12 de esta máquina, make run PYTHON=python3.12.\n"
    )


def test_an_old_python_can_read_the_installer() -> None:
    text = (ROOT / "requirements" / "install.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 5))


def test_the_package_and_the_installer_admit_the_same_pythons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    admitted = SpecifierSet(project["requires-python"])
    assert [minor for minor in range(8, 20) if f"3.{minor}.1" in admitted] == [11, 12, 13, 14, 15]
