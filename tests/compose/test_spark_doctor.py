"""`etl doctor` ante un clúster de Spark: sano, con imágenes distintas y sin trabajadores."""

import json
from collections.abc import Iterator

import pytest

from compose.stack import Stack, wait_until
from compose.test_doctor import Findings, examine, override, wrong
from compose.test_spark import wait_for_both, workers

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module", autouse=True)
def mended(cluster: Stack) -> Iterator[None]:
    """Al acabar, el clúster queda como estaba."""
    yield
    cluster.compose("up", "--detach", "--no-build", "--scale", "spark-worker=2")
    wait_for_both(cluster)


def from_both_sides(stack: Stack) -> Findings:
    """Lo que se ve de Spark desde la máquina y desde app_spark."""
    inside = stack.spark("etl", "doctor", "--json", check=False)
    found = [*examine(stack), *json.loads(inside.stdout)["findings"]]
    return [finding for finding in found if finding["check"] == "spark"]


def test_a_healthy_cluster_has_nothing_to_mend(cluster: Stack) -> None:
    findings = from_both_sides(cluster)
    assert {(one["state"], one["found"]) for one in findings} == {("ok", "trabajadores: 2; núcleos: 2")}
    assert len(findings) == 2
    images = [one["found"] for one in examine(cluster) if one["check"] == "imagen" and one["state"] == "ok"]
    assert [cluster.environment["SPARK_IMAGE"] in found for found in images] == [False, True]


def test_services_with_different_images_are_found_before_starting_them(fresh: Stack) -> None:
    override(fresh, "services:\n  spark-worker:\n    image: apache/spark:3.5.1\n")
    [finding] = wrong(examine(fresh), "spark")
    assert "spark-worker «apache/spark:3.5.1»" in finding["found"]


def test_a_cluster_without_workers_says_how_to_start_them(cluster: Stack) -> None:
    cluster.compose("stop", "--timeout", "1", "spark-worker")
    wait_until(lambda: not workers(cluster), 30, "el maestro sin trabajadores")
    findings = from_both_sides(cluster)
    assert [one["state"] for one in findings] == ["bad", "bad"]
    for finding in findings:
        assert finding["found"].startswith("el maestro no tiene ningún trabajador")
        assert finding["fix"] == "docker compose --profile spark up -d"
