"""Las imágenes propias, la del pipeline y la de Spark: lo que pesan, lo que llevan y lo que no."""

import json
from pathlib import Path

import pytest

from compose.conftest import IMAGE
from compose.stack import docker

LIMIT_MB = 260
# Java 17 son 190 MB y los jars de Spark 4.3, 350.
SPARK_LIMIT_MB = 640


@pytest.fixture(scope="module", autouse=True)
def image(project: Path) -> str:
    return IMAGE


def in_image(*command: str) -> str:
    return docker("run", "--rm", "--network", "none", "--read-only", IMAGE, *command)


def test_its_layers_weigh_less_than_the_limit(images: dict[str, str]) -> None:
    base = images.get("PYTHON_IMAGE", "python:3.11-slim-bookworm")
    sizes = [int(docker("image", "inspect", "-f", "{{.Size}}", name)) for name in (IMAGE, base)]
    megabytes = (sizes[0] - sizes[1]) / 1e6
    print(f"Capas por encima de la base: {megabytes:.0f} MB")
    assert megabytes < LIMIT_MB


def test_it_needs_no_network_and_no_writable_root() -> None:
    assert "run" in in_image("etl", "--help")
    assert "--json" in in_image("python", "etl_pipeline.py", "--help")


def test_it_runs_as_an_ordinary_user_and_says_what_it_is() -> None:
    config = json.loads(docker("image", "inspect", IMAGE))[0]["Config"]
    assert config["User"] == "1000:1000"
    assert config["Labels"]["org.opencontainers.image.title"] == "etl"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "MIT"
    assert config["Cmd"] == ["python", "etl_pipeline.py"]


@pytest.mark.parametrize("program", ["gcc", "pip", "git", "curl"])
def test_what_is_only_for_building_stays_behind(program: str) -> None:
    found = in_image("sh", "-c", f"ls /opt/venv/bin/{program} /usr/bin/gcc 2>/dev/null || true")
    assert found == ""


def test_no_file_of_the_owner_of_the_clone_gets_in() -> None:
    listing = in_image("sh", "-c", "ls -A / /app; find /app /sql /datos /opt -name '.env*' -o -name '.git'")
    assert ".env" not in listing
    assert ".git" not in listing
    assert in_image("ls", "-A", "/datos") == ""


def test_the_image_of_spark_adds_only_java_and_spark(spark_image: str) -> None:
    """Empieza por las mismas capas: en disco, lo común está una vez, y el Python es el mismo archivo."""
    names = (spark_image, IMAGE)
    sizes = [int(docker("image", "inspect", "-f", "{{.Size}}", name)) for name in names]
    layers = [json.loads(docker("image", "inspect", name))[0]["RootFS"]["Layers"] for name in names]
    megabytes = (sizes[0] - sizes[1]) / 1e6
    print(f"Java y Spark, por encima de la imagen del pipeline: {megabytes:.0f} MB")
    assert megabytes < SPARK_LIMIT_MB
    # Las de app_etl menos las últimas (receta, generador, sql y app), que en la de Spark van al final.
    assert layers[0][: len(layers[1]) - 4] == layers[1][:-4]
    assert json.loads(docker("image", "inspect", spark_image))[0]["Config"]["User"] == "1000:1000"
