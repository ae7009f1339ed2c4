"""La línea de Spark del curso, con una variable: otra imagen del mismo Dockerfile, y las mismas tablas."""

from collections.abc import Callable
from pathlib import Path

import pytest

from compose.conftest import SPARK_IMAGE, Clone
from compose.stack import Stack
from spark.parity import assert_equal, clear, state
from support import ServerAddress

pytestmark = pytest.mark.spark

VERSIONS = "import pandas, pyspark; print(pyspark.__version__[:3], pandas.__version__[:2])"


def test_spark_line_builds_the_other_image_and_leaves_the_same_tables(
    make_stack: Callable[..., Stack], clone: Clone, tmp_path: Path
) -> None:
    chosen = {"SPARK_LINE": "3.5", "SPARK_IMAGE": f"{SPARK_IMAGE}-3.5"}
    stack = make_stack(clone(tmp_path / "proyecto"), profiles=("spark",), environment=chosen)
    stack.compose("build", "spark-master", timeout=1200)
    stack.compose("up", "--detach", "--no-build", "postgres", "spark-worker", "app_etl", timeout=600)
    assert stack.wait("app_etl") == 0, stack.logs("app_etl")
    port = int(stack.environment["POSTGRES_PORT"])
    database = ServerAddress("127.0.0.1", port, "alumno", "bigdata2026", "curso_bigdata")
    by_pandas = state(database)
    clear(database)
    stack.spark("etl", "run", "--engine", "spark")
    assert_equal(by_pandas, state(database))
    assert stack.spark("python", "-c", VERSIONS).stdout.split() == ["3.5", "2."]
