"""Error 1: el puerto ocupado. Quién lo tiene y qué variable lo cambia."""

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

from dotenv import dotenv_values

from etl.settings import env_text
from extras.doctor import docker
from extras.doctor.docker import Project
from extras.doctor.finding import Finding, bad, ok


def ports(project: Project) -> Iterator[Finding]:
    """Cada puerto que el proyecto publica: libre, suyo, o de otro."""
    fine = []
    for service, definition in project.active().items():
        for port in definition.get("ports", []):
            number = int(port.get("published") or 0)
            if not number:
                continue
            if project.running(service) or is_free(str(port.get("host_ip") or "0.0.0.0"), number):  # noqa: S104
                fine.append(f"{number} ({service})")
            else:
                yield _taken(project, service, number)
    if fine:
        yield ok("puertos", ", ".join(fine))


def is_free(address: str, port: int) -> bool:
    """Si un programa nuevo podría escuchar ahí."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":  # en Windows esta opción deja entrar donde ya hay alguien
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


def _taken(project: Project, service: str, port: int) -> Finding:
    variable = _variable(project, port)
    free = next(number for number in range(port + 1, port + 200) if is_free("127.0.0.1", number))
    change = f"{variable}={free}" if variable else f"otro número en los «ports» de {service}"
    return bad(
        "puertos",
        f"el {port}, que necesita {service}, lo usa {holder(port)}",
        f"ponga {change} en .env y repita: docker compose up -d",
    )


def holder(port: int) -> str:
    """Quién escucha en un puerto: otro contenedor, un programa o alguien que no se deja ver."""
    listed = docker.ask("ps", "--format", "{{.Names}}\t{{.Ports}}")
    for line in listed.output.splitlines():
        name, _, published = line.partition("\t")
        if f":{port}->" in published:
            return f"el contenedor «{name}»"
    look = f"netstat -ano | findstr :{port}" if os.name == "nt" else f"sudo lsof -i :{port}"
    return _program(port) or f"otro programa (para ver cuál: {look})"


def _program(port: int) -> str:
    """El programa que escucha, si psutil puede verlo: en macOS los ajenos solo los ve root."""
    try:
        import psutil
    except ImportError:  # no está en la imagen, y dentro de un contenedor no hay puertos que mirar
        return ""
    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                return f"«{psutil.Process(one.pid).name()}» (proceso {one.pid})"
    except psutil.Error:
        pass
    return ""


def _variable(project: Project, port: int) -> str | None:
    """La variable `*_PORT` que ahora vale ese número."""
    values: dict[str, Any] = {
        **dotenv_values(stream=env_text(project.root / ".env.example")),
        **dotenv_values(stream=env_text(project.root / ".env")),
        **os.environ,
    }
    names = [name for name, value in values.items() if name.endswith("_PORT") and value == str(port)]
    return next((name for name in names if not name.startswith("DB_")), None)
