"""Pruebas del stack con un motor de Docker de verdad y los archivos de Compose del proyecto.

    clone    hace una copia del proyecto, con lo que declaran las pruebas
    images   las imágenes que se usan: las oficiales o, donde no hay registro, las de tests/images
    project  una de esas copias, con la imagen del pipeline construida
    stack    el stack completo en marcha y cargado, con pgAdmin y Adminer; compartido
    fresh    un stack propio de la prueba, sin levantar
    notebooks  el mismo, con JupyterLab; compartido
    cluster  el stack con el perfil spark, un maestro y dos trabajadores; compartido

Sin motor se saltan («falta ...»); con CI=true ese salto es un fallo.
"""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compose.stack import Stack, docker, own_copy, strict_copy, wait_until
from etl.settings import ROOT

# Con un nombre por clon: dos que se prueban a la vez no se pisan la imagen.
TAG = f"pruebas-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
IMAGE, SPARK_IMAGE, NOTEBOOKS_IMAGE = (f"etl-local/{name}:{TAG}" for name in ("app", "spark", "notebooks"))
# Hace una copia del proyecto en una carpeta y la devuelve.
Clone = Callable[[Path], Path]
OFFICIAL = {"POSTGRES18_IMAGE": "postgres:18"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Todo lo de esta carpeta necesita el motor; la primera prueba puede construir las imágenes."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Salta las pruebas, diciéndolo, si no hay motor o su Compose es el antiguo."""
    if not shutil.which("docker") or _fails("docker", "info"):
        pytest.skip("falta un motor de Docker en marcha (en Debian: .ci/docker-engine)")
    if _fails("docker", "compose", "version"):
        pytest.skip("falta Compose 2 («docker compose»; en Debian: .ci/docker-engine)")


def _fails(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode != 0


@pytest.fixture(scope="session")
def images(engine: None) -> dict[str, str]:
    """Las variables de las imágenes. TEST_IMAGES=official usa las de los registros.

    Las equivalentes se construyen con root y apt; sin ellos, solo quedan las oficiales.
    """
    local = os.environ.get("TEST_IMAGES") != "official" and os.geteuid() == 0 and shutil.which("apt-get")
    if not local:
        return dict(OFFICIAL)
    built = subprocess.run(
        [ROOT / "tests" / "images" / "build"], stdout=subprocess.PIPE, text=True, timeout=1500, check=True
    )
    return dict(line.split("=", 1) for line in built.stdout.splitlines())


@pytest.fixture(scope="session")
def clone() -> Clone:
    """Copia el proyecto en una carpeta, que devuelve. Las capturas del README son del proyecto tal cual."""
    return strict_copy if os.environ.get("UPDATE_PICTURES") else own_copy


@pytest.fixture(scope="session")
def built() -> dict[str, str]:
    """Cómo se llaman las imágenes que se construyen."""
    return {"ETL_IMAGE": IMAGE, "SPARK_IMAGE": SPARK_IMAGE, "NOTEBOOKS_IMAGE": NOTEBOOKS_IMAGE}


@pytest.fixture(scope="session")
def project(
    images: dict[str, str], built: dict[str, str], clone: Clone, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Una copia del proyecto, y la imagen del pipeline construida a partir de ella."""
    folder = clone(tmp_path_factory.mktemp("clon"))
    Stack(folder, {**images, **built}).compose("build", timeout=900)
    return folder


def _making(environment: dict[str, str]) -> Iterator[Callable[..., Stack]]:
    made: list[Stack] = []

    def make(folder: Path, **options: object) -> Stack:
        own = {**environment, **options.pop("environment", {})}  # type: ignore[dict-item]
        made.append(Stack(folder, own, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stack in made:
        stack.destroy()


@pytest.fixture(scope="session")
def make_shared(project: Path, images: dict[str, str], built: dict[str, str]) -> Iterator[Callable[..., Stack]]:
    """Hace stacks que usan la imagen ya construida y los borra todos al acabar las pruebas."""
    yield from _making({**images, **built})


@pytest.fixture
def make_stack(project: Path, images: dict[str, str], built: dict[str, str]) -> Iterator[Callable[..., Stack]]:
    """Lo mismo, y los borra al acabar la prueba: en marcha, cada uno gasta aunque nadie lo use."""
    yield from _making({**images, **built})


@pytest.fixture
def fresh(make_stack: Callable[..., Stack], clone: Clone, tmp_path: Path) -> Stack:
    """Un stack de una sola prueba, en su copia del proyecto."""
    return make_stack(clone(tmp_path / "proyecto"))


@pytest.fixture(scope="session")
def stack(make_shared: Callable[..., Stack], project: Path) -> Stack:
    """El stack entero, con el perfil debug, ya cargado. No se cambia: lo comparten muchas pruebas."""
    stack: Stack = make_shared(project, profiles=("debug",))
    assert stack.up() == 0, stack.logs("app_etl")
    for service in ("pgadmin", "adminer"):
        _wait_healthy(stack, service)
    return stack


@pytest.fixture(scope="session")
def notebooks(stack: Stack) -> Stack:
    """El stack de `stack`, con el perfil notebooks además."""
    notebooks = replace(stack, profiles=("debug", "notebooks"))
    notebooks.compose("build", "notebooks", timeout=1200)
    notebooks.compose("up", "--detach", "--no-build", "--no-deps", "notebooks")
    _wait_healthy(notebooks, "notebooks")
    return notebooks


@pytest.fixture(scope="session")
def spark_image(project: Path, images: dict[str, str], built: dict[str, str]) -> str:
    """La imagen de Spark, construida a partir de la copia del proyecto."""
    builder = Stack(project, {**images, **built}, profiles=("spark",))
    builder.compose("build", "spark-master", timeout=1200)
    return built["SPARK_IMAGE"]


@pytest.fixture(scope="session")
def cluster(
    make_shared: Callable[..., Stack], spark_image: str, clone: Clone, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """Un maestro y dos trabajadores, y `datos/` ya cargado por app_etl, como tras el primer `up`."""
    cluster: Stack = make_shared(clone(tmp_path_factory.mktemp("spark")), profiles=("spark",))
    began = time.monotonic()
    cluster.compose("up", "--detach", "--no-build", "--scale", "spark-worker=2", timeout=600)
    for container in (*cluster.containers("spark-worker"), cluster.container("spark-master")):
        _wait_healthy_container(container)
    print(f"De «up» a un clúster de dos trabajadores listo: {time.monotonic() - began:.1f} s")
    _wait_healthy(cluster, "spark-history")
    assert cluster.wait("app_etl") == 0, cluster.logs("app_etl")
    return cluster


def _wait_healthy(stack: Stack, service: str) -> None:
    _wait_healthy_container(stack.container(service))


def _wait_healthy_container(container: str) -> None:
    wait_until(
        lambda: docker("inspect", "-f", "{{.State.Health.Status}}", container) == "healthy",
        300, f"{container} sano", pause=0.2,
    )  # fmt: skip
