"""El Makefile se explica solo, y un Python viejo recibe una frase y no un error."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_order_says_what_it_does() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    described = re.findall(r"^([a-z-]+):.*## \w.*\.$", MAKEFILE, re.MULTILINE)
    assert sorted(described) == sorted(set(phony[1].split()) - {"moved"})


def test_make_alone_lists_the_orders() -> None:
    if shutil.which("make") is None:
        pytest.skip("falta make")
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make run" in done.stdout
    assert "make help" in done.stdout


def test_an_old_python_is_told_which_one_is_needed() -> None:
    pretend = "import sys; sys.version_info = (3, 9, 2); import install; sys.exit(install.main('local'))"
    command, folder = [sys.executable, "-c", pretend], ROOT / "requirements"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Hace falta Python 3.11 o posterior y este es el 3.9" in done.stderr
