"""Lo que Docker sabe de este proyecto: el Compose ya mezclado y sus contenedores.

Solo se pregunta, nunca se cambia nada. Entra la carpeta del proyecto y sale un `Project`.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Un motor atascado no debe dejar parado el diagnóstico.
SECONDS = 20


@dataclass(frozen=True)
class Answer:
    """Lo que contestó una orden de Docker."""

    worked: bool
    output: str
    error: str


@dataclass(frozen=True)
class Container:
    """Un contenedor del proyecto, esté como esté."""

    name: str
    service: str
    state: str
    exit_code: int


@dataclass(frozen=True)
class Project:
    """El proyecto visto por Compose: `config` es el resultado de mezclar sus archivos y `.env`."""

    root: Path
    config: dict[str, Any]
    containers: list[Container]

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        services: dict[str, dict[str, Any]] = self.config.get("services", {})
        return services

    def active(self) -> dict[str, dict[str, Any]]:
        """Los servicios que se levantan sin más y los opcionales que alguien ya levantó."""
        used = {container.service for container in self.containers}
        return {name: service for name, service in self.services.items() if not service.get("profiles") or name in used}

    def running(self, service: str) -> Container | None:
        return next((one for one in self.containers if one.service == service and one.state == "running"), None)


def installed() -> bool:
    """Si hay una orden `docker` en esta máquina."""
    return shutil.which("docker") is not None


def ask(*arguments: str, root: Path | None = None) -> Answer:
    """Ejecuta `docker ...` y devuelve lo que contestó, funcione o no."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer(False, "", str(error))
    return Answer(done.returncode == 0, done.stdout.strip(), done.stderr.strip())


def read_project(root: Path) -> Project | Answer:
    """El proyecto de esa carpeta, o lo que contestó Docker si no lo entiende."""
    config = ask("compose", "--profile", "*", "config", "--format", "json", root=root)
    if not config.worked:
        return config
    containers = ask("compose", "--profile", "*", "ps", "--all", "--format", "json", root=root)
    rows = map(json.loads, containers.output.splitlines()) if containers.worked else ()
    return Project(root, json.loads(config.output), list(map(_container, rows)))


def _container(row: dict[str, Any]) -> Container:
    return Container(row["Name"], row["Service"], row["State"], int(row["ExitCode"]))
