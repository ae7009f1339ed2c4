"""docker/stack.yml en un Swarm de verdad, de un nodo: carga todo, y cada servicio se puede levantar otra vez."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compose.conftest import Clone
from compose.stack import docker, wait_until
from compose.test_first_up import ROWS
from docs.markdown import blocks, check
from etl.settings import ROOT


@pytest.fixture
def swarm(
    engine: None, project: Path, clone: Clone, tmp_path: Path, images: dict[str, str], built: dict[str, str]
) -> Iterator[str]:
    """El stack desplegado con las órdenes del documento y otro nombre, en un Swarm que se deshace al acabar."""
    assert docker("info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive", "este motor ya es de un Swarm"
    name, folder = f"prueba{uuid.uuid4().hex[:8]}", clone(tmp_path / "clon")
    [steps] = [one for one in blocks((ROOT / "docs" / "escalar.md").read_text(encoding="utf-8")) if one.note == "swarm"]
    assert steps.code.endswith(" bigdata\n")
    try:
        own = replace(steps, code=steps.code.removesuffix("bigdata\n") + name)
        check(own, folder, {**os.environ, **images, **built})
        yield name
    finally:
        docker("stack", "rm", name)
        wait_until(lambda: not docker("ps", "--quiet", "--filter", f"name=^{name}_"), 60, "el stack se va", pause=0.5)
        docker("swarm", "leave", "--force")
        wait_until(lambda: _removed(f"{name}_pgdata"), 60, "el volumen queda libre", pause=0.5)


def _removed(volume: str) -> bool:
    containers = docker("ps", "--all", "--quiet", "--filter", f"volume={volume}").split()
    for container in containers:
        docker("rm", "--force", container)
    return subprocess.run(["docker", "volume", "rm", volume], capture_output=True, check=False).returncode == 0


def states(stack: str, service: str) -> list[str]:
    """Cómo acabó o va cada intento de un servicio, el último primero."""
    lines = docker("service", "ps", "--format", "{{.CurrentState}}", f"{stack}_{service}").splitlines()
    return [line.split()[0] for line in lines]


def wait_state(stack: str, service: str, wanted: list[str]) -> None:
    wait_until(lambda: states(stack, service) == wanted, 180, f"{service} {wanted}", pause=0.5)


def query(stack: str, sql: str) -> list[str]:
    container = docker("ps", "--quiet", "--filter", f"name=^{stack}_postgres")
    return docker("exec", container, "psql", "-U", "alumno", "-At", "-c", sql).splitlines()


def restart(stack: str, service: str, wanted: list[str]) -> None:
    docker("service", "update", "--force", "--detach", f"{stack}_{service}")
    wait_state(stack, service, wanted)


def test_it_loads_everything_and_survives_a_restart_of_each_service(swarm: str) -> None:
    # Nadie falla por empezar antes de tiempo: cada uno espera a lo que necesita.
    wait_state(swarm, "app_etl", ["Complete"])
    assert states(swarm, "migrate") == ["Complete"]
    count = f"SELECT {', '.join(f'(SELECT count(*) FROM {table})' for table in ROWS)}"
    expected = "|".join(map(str, ROWS.values()))
    assert query(swarm, count) == [expected]

    closed = json.loads(docker("inspect", docker("ps", "--quiet", "--filter", f"name=^{swarm}_postgres")))[0]
    assert closed["HostConfig"]["ReadonlyRootfs"] is True
    assert closed["HostConfig"]["CapDrop"] == ["ALL"]
    assert closed["HostConfig"]["PidsLimit"] == 200
    secret = docker("exec", closed["Id"], "cat", "/run/secrets/postgres_password")
    assert len(secret) == 32
    assert secret not in json.dumps(closed)
    assert {mount["Type"] for mount in closed["Mounts"] if mount["Destination"] == "/tmp"} == {"tmpfs"}

    restart(swarm, "postgres", ["Running", "Shutdown"])
    restart(swarm, "migrate", ["Complete", "Complete"])
    restart(swarm, "app_etl", ["Complete", "Complete"])
    assert query(swarm, count) == [expected]
    assert query(swarm, "SELECT count(*) FROM etl.loads WHERE status = 'loaded'") == ["15"]
