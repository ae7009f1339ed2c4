"""Los candados dicen lo mismo que pyproject.toml, en cada sistema y con cada Python."""

import re
import tomllib
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Qué partes de pyproject.toml contiene cada candado.
LOCKS = {"etl": [], "local": ["embedded"], "dev": ["embedded", "spark", "dev"]}
# Los que van encima de etl.txt, en una carpeta que en Python se mira antes.
LINES = {"spark-4.3": ["spark"], "spark-3.5": ["spark35"], "notebooks": ["notebooks"]}
SYSTEMS = [
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
]
MACHINES = [
    system | {"python_version": python, "python_full_version": f"{python}.9"}
    for system, python in product(SYSTEMS, ["3.11", "3.12", "3.13", "3.14", "3.15"])
]


def pins(lock: str) -> list[Requirement]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return [Requirement(line.rstrip(" \\")) for line in text.splitlines() if line[:1].isalnum()]


def installed_on(machine: dict[str, str], lock: str) -> dict[str, str]:
    """Paquete y versión que el candado instala en esa máquina; cada uno, una sola vez."""
    chosen: dict[str, str] = {}
    for pin in pins(lock):
        if pin.marker is None or pin.marker.evaluate(machine):
            assert pin.name not in chosen, f"{lock}.txt fija dos versiones de {pin.name} en {machine}"
            chosen[pin.name] = str(pin.specifier).removeprefix("==")
    return chosen


@pytest.mark.parametrize("lock", [*LOCKS, *LINES])
@pytest.mark.parametrize(
    "machine", MACHINES, ids=lambda m: f"{m['sys_platform']}-{m['platform_machine']}-{m['python_version']}"
)
def test_a_lock_holds_what_the_project_declares(lock: str, machine: dict[str, str]) -> None:
    declared = PROJECT["dependencies"] + [line for extra in (LOCKS | LINES)[lock] for line in EXTRAS[extra]]
    chosen = installed_on(machine, lock)
    if lock in LINES:
        chosen = installed_on(machine, "etl") | chosen
    for requirement in map(Requirement, declared):
        if requirement.name == PROJECT["name"] or (requirement.marker and not requirement.marker.evaluate(machine)):
            continue
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert name in chosen, f"{name} falta en requirements/{lock}.txt: pase `make lock`"
        assert requirement.specifier.contains(chosen[name]), f"{requirement} y {chosen[name]}: pase `make lock`"


@pytest.mark.parametrize("lock", [*LOCKS, *LINES, "build"])
def test_a_lock_has_only_exact_versions_with_their_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert entries
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+", entry), entry


def test_every_lock_has_the_same_versions() -> None:
    everything = {str(pin) for pin in pins("dev")}
    for lock in (*LOCKS, "spark-4.3"):
        assert {str(pin) for pin in pins(lock)} <= everything, lock


def test_the_image_carries_no_server() -> None:
    servers = {Requirement(line).name for line in EXTRAS["embedded"] if "postgres" in line or "pgserver" in line}
    assert len(servers) == 2
    for lock in ("etl", *LINES):
        assert not {*servers, "pytest"} & {pin.name for pin in pins(lock)}


def test_a_line_of_spark_brings_only_what_the_image_lacks() -> None:
    assert [pin.name for pin in pins("spark-4.3")] == ["py4j", "pyspark"]
    assert [pin.name for pin in pins("spark-3.5")] == ["pandas", "py4j", "pyspark", "pytz"]
