"""La máquina: motor de Docker, Compose, memoria y disco."""

import json
import shutil
from pathlib import Path

from extras.doctor import docker
from extras.doctor.finding import Finding, bad, ok, skip

# La primera versión que entiende todo lo que usan los archivos de Compose (!reset es de la 2.24).
COMPOSE = (2, 24)
GB = 1_000_000_000
# PostgreSQL y el pipeline, con sus límites por omisión.
MEMORY = 2 * GB
# Las imágenes ocupan algo más de 1 GB; el resto, para los datos.
DISK = 3 * GB


def engine() -> Finding:
    """El motor: instalado, en marcha y accesible para este usuario."""
    if not docker.installed():
        return skip("docker", "no está instalado; sin él funcionan «make run» y todas las órdenes de etl")
    answer = docker.ask("version", "--format", "{{.Server.Version}}")
    if answer.worked:
        return ok("docker", f"motor {answer.output} en marcha")
    if "permission denied" in answer.error.lower():
        return bad(
            "docker",
            "este usuario no puede hablar con el motor",
            "sudo usermod -aG docker $USER   (y cierre la sesión y vuelva a entrar)",
        )
    return bad(
        "docker", "instalado, pero el motor está parado", "abra Docker Desktop; en Linux: sudo systemctl start docker"
    )


def compose() -> Finding:
    """Compose 2 (`docker compose`); el antiguo `docker-compose` no vale."""
    answer = docker.ask("compose", "version", "--short")
    if not answer.worked:
        return bad("compose", "falta Compose 2 («docker compose»)", "https://docs.docker.com/compose/install/")
    numbers = tuple(int(part) for part in answer.output.lstrip("v").split("-")[0].split(".")[:2])
    if numbers < COMPOSE:
        wanted = ".".join(map(str, COMPOSE))
        return bad(
            "compose",
            f"es la versión {answer.output} y hace falta la {wanted}",
            "actualice Docker Desktop o el paquete docker-compose-plugin",
        )
    return ok("compose", f"versión {answer.output.lstrip('v')}")


def memory() -> Finding:
    """La que Docker puede repartir: en Windows y macOS es menos que la de la máquina."""
    answer = docker.ask("info", "--format", "{{json .MemTotal}}")
    if not answer.worked:
        return skip("memoria", "no se pudo preguntar a Docker")
    total = int(json.loads(answer.output))
    found = f"{total / GB:.1f} GB para Docker".replace(".", ",")
    if total < MEMORY:
        return bad(
            "memoria",
            f"{found}; hacen falta {MEMORY // GB}",
            "suba la memoria en Docker Desktop (Settings > Resources), o en .env: POSTGRES_MEMORY=512m, "
            "POSTGRES_SHARED_BUFFERS=128MB y APP_ETL_MEMORY=512m",
        )
    return ok("memoria", found)


def disk(root: Path) -> Finding:
    """El sitio libre donde está el proyecto y, si se puede ver, donde Docker guarda lo suyo."""
    answer = docker.ask("info", "--format", "{{.DockerRootDir}}")
    places = [root, Path(answer.output)] if answer.worked and Path(answer.output).is_dir() else [root]
    free = min(shutil.disk_usage(path).free for path in places)
    found = f"{free / GB:.0f} GB libres"
    if free < DISK:
        return bad("disco", f"{found}; hacen falta {DISK // GB}", "haga sitio; cuánto es de Docker: docker system df")
    return ok("disco", found)
