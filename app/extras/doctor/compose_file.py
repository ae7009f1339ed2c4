"""Lo que se ve en el Compose ya mezclado, sin levantar nada: esperas, redes y volúmenes (errores 3, 4 y 5)."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from etl.database.connection import LOCAL
from extras.doctor import docker
from extras.doctor.docker import Project
from extras.doctor.finding import Finding, bad, ok

PGDATA, STARTED = "/var/lib/postgresql/data", "service_started"


def gating(project: Project) -> Iterator[Finding]:
    """Error 4: `depends_on` que solo espera a que el contenedor arranque."""
    for name, service in project.services.items():
        needed = service.get("depends_on") or {}
        host = _environment(service).get("DB_HOST", "")
        weak = [other for other, how in needed.items() if how.get("condition", STARTED) == STARTED]
        if host in project.services and host != name and host not in needed:
            weak.append(host)
        for other in weak:
            yield bad(
                "depends_on",
                f"{name} no espera a que {other} esté listo, solo a que arranque",
                f"en {name}, depends_on: {{{other}: {{condition: {_condition(project, other)}}}}}",
            )


def _condition(project: Project, name: str) -> str:
    one_shot = project.services.get(name, {}).get("restart") == "no"
    return "service_completed_successfully" if one_shot else "service_healthy"


def addresses(project: Project) -> Iterator[Finding]:
    """Error 3, antes de que ocurra: `localhost` en un contenedor, o dos servicios sin red común."""
    for name, service in project.services.items():
        host = _environment(service).get("DB_HOST")
        if host in LOCAL:
            yield bad(
                "red",
                f"{name} busca la base de datos en «{host}», que dentro de un contenedor es él mismo",
                f"en {name}, DB_HOST: postgres",
            )
        elif host in project.services and not _networks(service) & _networks(project.services[host]):
            yield bad(
                "red",
                f"{name} y {host} no están en la misma red: no se ven",
                f"en {name}, networks: [{', '.join(sorted(_networks(project.services[host])))}]",
            )


def networks(project: Project) -> Iterator[Finding]:
    """Una red con ese nombre que no es de Compose: `up` no la usa, y se para."""
    for key, network in (project.config.get("networks") or {}).items():
        name = network.get("name", key)
        label = '{{index .Labels "com.docker.compose.network"}}'
        found = docker.ask("network", "inspect", "--format", label, name)
        if found.worked and found.output != key and not network.get("external"):
            yield bad(
                "red",
                f"ya hay una red «{name}» que no hizo Compose: `up` dirá «incorrect label» y no seguirá",
                f"docker network rm {name}   (si otros la usan, NETWORK_NAME=otra en .env)",
            )


def volumes(project: Project) -> Iterator[Finding]:
    """Error 5: una base de datos sin volumen con nombre pierde los datos con su contenedor."""
    for name, service in project.services.items():
        environment = _environment(service)
        if "POSTGRES_USER" not in environment and "POSTGRES_DB" not in environment:
            continue
        mount = _mount(service, environment.get("PGDATA", PGDATA))
        if mount is None or not mount.get("source"):
            told = "dentro del contenedor: se pierden al recrearlo"
        elif mount["type"] == "bind":
            told = "en una carpeta de la máquina; en Windows y macOS PostgreSQL no puede usarla"
        else:
            yield _named(project, mount["source"])
            continue
        fix = f"en {name}, volumes: [pgdata:/var/lib/postgresql], y pgdata: en volumes"
        yield bad("volumen", f"{name} guarda los datos {told}", fix)


def _named(project: Project, key: str) -> Finding:
    """El volumen con nombre; si falta y hay otro igual de otro proyecto, la carpeta cambió de nombre."""
    volume = (project.config.get("volumes") or {}).get(key) or {}
    name = volume.get("name", key)
    listed = docker.ask("volume", "ls", "--filter", f"label=com.docker.compose.volume={key}", "--format", "{{.Name}}")
    existing = listed.output.split() if listed.worked else []
    if name in existing or volume.get("external"):
        return ok("volumen", f"los datos están en el volumen «{name}»")
    others = [other for other in existing if other.endswith(f"_{key}") and not _in_use_elsewhere(other)]
    if others:
        olds = [other.removesuffix(f"_{key}") for other in others]
        return bad(
            "volumen",
            f"«{name}» aún no existe, pero hay otro de un proyecto llamado {' o '.join(f'«{old}»' for old in olds)}: "
            "si cambió el nombre de la carpeta, sus datos están ahí",
            f"si es eso, {' o '.join(f'COMPOSE_PROJECT_NAME={old}' for old in olds)} en .env; si no, docker compose up -d"
            " crea el suyo aparte",
        )
    return ok("volumen", f"se creará «{name}» la primera vez")


def _in_use_elsewhere(volume: str) -> bool:
    """Si lo usa un proyecto de una carpeta que sigue ahí: no es esta, con otro nombre."""
    label = '{{.Label "com.docker.compose.project.working_dir"}}'
    users = docker.ask("ps", "--all", "--filter", f"volume={volume}", "--format", label)
    return any(Path(folder).is_dir() for folder in users.output.splitlines() if folder)


def _mount(service: dict[str, Any], data: str) -> dict[str, Any] | None:
    path = PurePosixPath(data)
    mounts = [mount for mount in service.get("volumes", []) if mount["type"] in ("volume", "bind")]
    return next((mount for mount in mounts if path.is_relative_to(mount["target"])), None)


def _environment(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in (service.get("environment") or {}).items() if value is not None}


def _networks(service: dict[str, Any]) -> set[str]:
    return set(service.get("networks") or {"default": None})
