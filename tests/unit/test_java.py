"""Qué Java usa Spark y qué se le dice a quien no tiene ninguno que valga."""

import subprocess
import sys
from pathlib import Path

import pytest

from etl.settings import ROOT

PREPARE = """
import os
from extras.spark.session import prepare_environment
from etl.errors import ClusterUnavailable
from etl.settings import Settings
try:
    prepare_environment(Settings())
    print(os.environ["JAVA_HOME"])
except ClusterUnavailable as error:
    print(error)
"""
NEEDED = "Spark necesita Java 17, 21 o 25 y no se encuentra. Instálelo: "


def said(**environment: str) -> str:
    """La carpeta del Java elegido, o el error, en un proceso con ese entorno."""
    environ = {"PATH": "/no_existe", "PYTHONPATH": str(ROOT / "app"), **environment}
    done = subprocess.run([sys.executable, "-c", PREPARE], env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def program(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file.parent


def java(folder: Path, version: str) -> Path:
    """Una carpeta como la de un JDK, con un programa que solo sabe decir su versión."""
    return program(folder / version / "bin/java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2").parent


@pytest.mark.parametrize("version", ["17.0.15", "21.0.13", "25.0.5"])
def test_the_java_of_java_home_counts_first(tmp_path: Path, version: str) -> None:
    home, other = java(tmp_path, version), java(tmp_path, "17.0.2")
    assert said(JAVA_HOME=str(home)) == str(home)
    assert said(JAVA_HOME=str(home), PATH=str(other / "bin")) == str(home)


def test_a_java_home_that_does_not_do_gives_way_to_one_that_does(tmp_path: Path) -> None:
    too_old, good = java(tmp_path, "1.8.0_402"), java(tmp_path, "21.0.13")
    assert said(JAVA_HOME=str(too_old), PATH=str(good / "bin")) == str(good)
    assert said(JAVA_HOME=str(tmp_path / "no_existe"), PATH=str(good / "bin")) == str(good)


@pytest.mark.parametrize(
    ("offered", "package"),
    [
        (["openjdk-17-jre-headless"], "openjdk-17-jre-headless"),
        (["openjdk-21-jre-headless", "openjdk-25-jre-headless"], "openjdk-25-jre-headless"),
        (["openjdk-8-jre-headless"], "default-jre-headless"),
    ],
)
def test_without_java_the_advice_names_what_this_debian_offers(
    tmp_path: Path, offered: list[str], package: str
) -> None:
    too_old = java(tmp_path, "11.0.25") / "bin"
    program(too_old / "apt-cache", "\n".join(f"echo {name}" for name in offered))
    assert said(PATH=str(too_old)) == (
        f"{NEEDED}sudo apt install {package}; si ya lo tiene, ponga su carpeta en JAVA_HOME. "
        "O use el Spark de Docker, que lo trae: "
        "docker compose --profile spark up -d && docker compose --profile spark run --rm app_spark"
    )


def test_without_java_there_is_advice_on_any_other_system() -> None:
    assert said().startswith(NEEDED)
    assert said().count("\n") == 0
