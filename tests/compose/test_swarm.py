"""docker/stack.yml en un Swarm de verdad, de un nodo: carga todo, y cada servicio se puede levantar otra vez."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.conftest import Clone
from compose.stack import docker, wait_until
from compose.test_first_up import ROWS

SECRETS = ("postgres_password", "etl_loader_password", "lector_password")


@pytest.fixture
def swarm(
    engine: None, project: Path, clone: Clone, tmp_path: Path, images: dict[str, str], built: dict[str, str]
) -> Iterator[str]:
    """El stack desplegado, con sus secretos. El Swarm se hace y se deshace: no es del motor."""
    name, folder = f"prueba{uuid.uuid4().hex[:8]}", clone(tmp_path / "clon")
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    try:
        for secret in SECRETS:
            subprocess.run(["docker", "secret", "create", secret, "-"], input=b"clave-de-un-secreto", check=True)
        subprocess.run(
            ["docker", "stack", "deploy", "--resolve-image", "never", "-c", folder / "docker" / "stack.yml", name],
            env={**os.environ, **images, **built}, capture_output=True, timeout=120, check=True,
        )  # fmt: skip
        yield name
    finally:
        docker("stack", "rm", name)
        wait_until(lambda: not docker("ps", "--quiet", "--filter", f"name=^{name}_"), 60, "el stack se va", pause=0.5)
        docker("swarm", "leave", "--force")
        wait_until(lambda: _removed(f"{name}_pgdata"), 60, "el volumen queda libre", pause=0.5)


def _removed(volume: str) -> bool:
    containers = docker("ps", "--all", "--quiet", "--filter", f"volume={volume}").split()
    done = subprocess.run(["docker", "rm", "--force", *containers], capture_output=True, check=False)
    return done.returncode == 0 and subprocess.run(["docker", "volume", "rm", volume], check=False).returncode == 0


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
    assert "clave-de-un-secreto" not in json.dumps(closed)
    assert {mount["Type"] for mount in closed["Mounts"] if mount["Destination"] == "/tmp"} == {"tmpfs"}

    restart(swarm, "postgres", ["Running", "Shutdown"])
    restart(swarm, "migrate", ["Complete", "Complete"])
    restart(swarm, "app_etl", ["Complete", "Complete"])
    assert query(swarm, count) == [expected]
    assert query(swarm, "SELECT count(*) FROM etl.loads WHERE status = 'loaded'") == ["15"]
