"""Quién puede hablar con quién: por su nombre dentro, y desde fuera solo lo publicado en 127.0.0.1."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from compose.conftest import Clone
from compose.stack import BASE, PORTS, SPARK_PORTS, Stack, docker

LOOPBACK, EVERYWHERE = "0100007F", "00000000"
LISTENING = "0A"

TRY_POSTGRES = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 5432), timeout=3)
    print("abierto")
except OSError as error:
    print("cerrado:", error)
"""


def listeners(port: int) -> set[str]:
    """En qué direcciones de esta máquina se escucha un puerto (en hexadecimal, como las da el núcleo)."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, number = local.split(":")
            if state == LISTENING and int(number, 16) == port:
                found.add(address)
    return found


def test_the_app_reaches_postgres_by_its_name(stack: Stack) -> None:
    assert stack.run("python", "-c", TRY_POSTGRES, "postgres").stdout.strip() == "abierto"
    assert "cerrado" in stack.run("python", "-c", TRY_POSTGRES, "localhost").stdout


@pytest.mark.usefixtures("notebooks")
def test_only_the_published_ports_answer_and_only_on_loopback(stack: Stack) -> None:
    for name in PORTS:
        port = int(stack.environment[name])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        assert listeners(port) == {LOOPBACK}, f"{name} se escucha fuera de 127.0.0.1"
    for service in ("postgres", "pgadmin", "adminer"):
        bindings = stack.inspect(service)["NetworkSettings"]["Ports"]
        addresses = {one["HostIp"] for published in bindings.values() for one in published or []}
        assert addresses == {"127.0.0.1"}


def test_the_pages_of_spark_are_only_on_loopback_too(cluster: Stack) -> None:
    for name in ("SPARK_MASTER_UI_PORT", "SPARK_HISTORY_PORT"):
        port = int(cluster.environment[name])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        assert listeners(port) == {LOOPBACK}, f"{name} se escucha fuera de 127.0.0.1"


def test_a_container_outside_the_network_sees_nobody(stack: Stack) -> None:
    address = stack.inspect("postgres")["NetworkSettings"]["Networks"][stack.name]["IPAddress"]
    image = stack.inspect("app_etl")["Config"]["Image"]
    for target in ("postgres", address):
        answer = docker("run", "--rm", image, "python", "-c", TRY_POSTGRES, target)
        assert answer.startswith("cerrado"), f"{target} responde desde fuera de la red"


@pytest.mark.usefixtures("spark_image")
def test_without_the_override_nothing_is_published(
    make_stack: Callable[..., Stack], clone: Clone, tmp_path: Path
) -> None:
    server = make_stack(clone(tmp_path / "clon"), files=(BASE,), profiles=("debug", "spark"))
    server.compose("up", "--detach", "--no-build", "--wait", "postgres")
    server.compose("up", "--no-build", "--no-start")
    spark = ("spark-master", "spark-worker", "spark-history")
    for service in ("postgres", "pgadmin", "adminer", "app_etl", *spark):
        found = server.inspect(service)
        assert not any(found["HostConfig"]["PortBindings"] or {}), service
    for name in PORTS + SPARK_PORTS:
        assert listeners(int(server.environment[name])) == set()


def test_another_project_can_join_the_network_by_its_fixed_name(stack: Stack) -> None:
    image = stack.inspect("app_etl")["Config"]["Image"]
    answer = docker("run", "--rm", "--network", stack.name, image, "python", "-c", TRY_POSTGRES, "postgres")
    assert answer == "abierto"
