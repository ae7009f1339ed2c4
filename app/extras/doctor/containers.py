"""Los contenedores del proyecto: el que se cayó y por qué, la imagen vieja y el volumen con otra contraseña."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from extras.doctor import docker
from extras.doctor.causes import find_cause, known
from extras.doctor.docker import Container, Project
from extras.doctor.finding import Finding, bad, ok, skip

# 143 y 130 son SIGTERM y SIGINT: alguien lo paró.
STOPPED_ON_PURPOSE = (0, 130, 143)
LOG_LINES = "60"
# Donde el Dockerfile deja una copia de la receta con la que se hizo cada imagen, y de qué archivos.
RECIPE = "/usr/local/share/etl"
RECIPE_FILES = {
    "app_etl": ("Dockerfile", "requirements/etl.txt"),
    "app_spark": ("Dockerfile", "requirements/etl.txt", "requirements/spark-{line}.txt"),
}


def exited(project: Project) -> Iterator[Finding]:
    """Error 2: contenedores que terminaron mal, o que no llegaron a empezar, con la causa del registro."""
    broken = [one for one in project.containers if _is_broken(one)]
    for container in broken:
        yield _explain(container)
    if not broken and project.containers:
        names = ", ".join(f"{one.service} {_word(one)}" for one in project.containers)
        yield ok("contenedores", names)
    elif not broken:
        yield skip("contenedores", "ninguno levantado: docker compose up -d")


def left_over(project: Project) -> Iterator[Finding]:
    """Lo que no quita un `down` sin los perfiles: sigue ahí, y la red con ello."""
    found = [one.service for one in project.containers if project.services.get(one.service, {}).get("profiles")]
    if found and len(found) == len(project.containers):
        yield bad(
            "contenedores",
            f"solo hay {', '.join(found)}, de un perfil: un `docker compose down` a secas no lo quita, ni la red que usa",
            'docker compose --profile "*" down',
        )


def _is_broken(container: Container) -> bool:
    if container.state in ("restarting", "dead"):
        return True
    if container.state == "created":
        return bool(_state(container).get("Error"))
    return container.state == "exited" and container.exit_code not in STOPPED_ON_PURPOSE


def _word(container: Container) -> str:
    if container.state == "exited":
        return "terminó bien" if container.exit_code == 0 else "parado"
    return {"running": "en marcha", "created": "sin empezar"}.get(container.state, container.state)


def _state(container: Container) -> dict[str, Any]:
    """Cómo está un contenedor, o cómo acabó, según Docker."""
    answer = docker.ask("inspect", "--format", "{{json .State}}", container.name)
    return json.loads(answer.output) if answer.worked else {}


def _explain(container: Container) -> Finding:
    state = _state(container)
    error = state.get("Error", "")
    log = docker.ask("logs", "--tail", LOG_LINES, container.name)
    text = "\n".join([error, "OOMKilled" if state.get("OOMKilled") else "", log.output, log.error])
    if "Error: " in text and container.exit_code == 3:
        text = error  # los motivos de cada archivo ya los da el propio programa
    cause = find_cause(text)
    code = f"terminó con el código {container.exit_code} ({known()['codes'].get(str(container.exit_code), 'error')})"
    how = "no pudo empezar" if error else code
    if cause:
        return bad("contenedores", f"{container.service} {how}: {cause.meaning}", cause.remedy)
    last = _last_line(text)
    return bad(
        "contenedores",
        f"{container.service} {how}" + (f"; lo último que dijo: {last}" if last else ""),
        f"docker compose logs {container.service}",
    )


def _last_line(text: str) -> str:
    lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).strip() for line in text.splitlines()]
    return next((line[:160] for line in reversed(lines) if line), "")


def names(project: Project) -> Iterator[Finding]:
    """Un nombre fijo de contenedor que ya tiene otra copia del proyecto."""
    ours = {container.name for container in project.containers}
    for service, definition in project.active().items():
        name = definition.get("container_name")
        if not name or name in ours:
            continue
        found = docker.ask("ps", "--all", "--filter", f"name=^/{name}$", "--format", "{{.Names}}")
        if found.output == name:
            yield bad(
                "nombres",
                f"otro proyecto ya tiene un contenedor llamado «{name}» ({service})",
                "CONTAINER_PREFIX=otro en .env, con otros puertos y otra NETWORK_NAME",
            )


def images(project: Project) -> Iterator[Finding]:
    """Error 6, en cada imagen propia; la de Spark, solo si se usa."""
    for service in RECIPE_FILES:
        tag = project.services.get(service, {}).get("image", "")
        # Por servicio: cuando la etiqueta pasa a otra imagen, el contenedor ya no dice su nombre.
        users = [one for one in project.containers if project.services.get(one.service, {}).get("image") == tag]
        if users or service == "app_etl":
            yield from _image(project, service, tag, users)


def _image(project: Project, service: str, tag: str, users: list[Container]) -> Iterator[Finding]:
    """La imagen se hizo con un Dockerfile o un candado anteriores, o un contenedor con otra imagen."""
    profiles = "".join(f" --profile {name}" for name in project.services.get(service, {}).get("profiles", []))
    wanted = docker.ask("image", "inspect", "--format", "{{.Id}}", tag)
    if not tag or not wanted.worked:
        yield skip("imagen", "aún no está construida: se construye con docker compose up -d")
        return
    changed = _changed_since(project, service, tag)
    if changed:
        yield bad(
            "imagen",
            f"«{tag}» se construyó antes de cambiar {' y '.join(changed)}",
            f"docker compose{profiles} build && docker compose{profiles} up -d",
        )
    stale = [one.service for one in users if _image_id(one) != wanted.output]
    if stale:
        yield bad(
            "imagen",
            f"{', '.join(stale)} usa una imagen anterior a la última construida",
            f"docker compose{profiles} up -d",
        )
    if not changed and not stale:
        yield ok("imagen", f"«{tag}» es la del Dockerfile y el candado de ahora")


def _changed_since(project: Project, service: str, tag: str) -> list[str]:
    """Compara el contenido y no las fechas: con la caché, una imagen recién hecha puede parecer vieja."""
    listing = ["run", "--rm", "--network", "none", "--entrypoint", "sh", tag, "-c"]
    spark = project.services.get("spark-master", {}).get("build", {}).get("args", {})
    changed = []
    for name in RECIPE_FILES[service]:
        file = name.format(line=spark.get("SPARK_LINE"))
        answer = docker.ask(*listing, f"cat {RECIPE}/{Path(file).name}")
        path = project.root / file  # no lo hay si SPARK_LINE no es ninguna línea
        now = path.read_text(encoding="utf-8") if path.is_file() else ""
        if not answer.worked or answer.output.strip() != now.replace("\r\n", "\n").strip():
            changed.append(file)
    return changed


def _image_id(container: Container) -> str:
    return docker.ask("inspect", "--format", "{{.Image}}", container.name).output


def password(project: Project) -> Finding | None:
    """La contraseña de `.env` contra la que guarda el volumen, probada en el puerto publicado."""
    service = project.services.get("postgres", {})
    ports = service.get("ports") or []
    environment = service.get("environment") or {}
    if not project.running("postgres") or not ports or not environment.get("POSTGRES_PASSWORD"):
        return None
    user, database = environment.get("POSTGRES_USER", "postgres"), environment.get("POSTGRES_DB")
    try:
        psycopg.connect(
            host=ports[0].get("host_ip") or "127.0.0.1",
            port=int(ports[0]["published"]),
            user=user,
            password=environment["POSTGRES_PASSWORD"],
            dbname=database or user,
            connect_timeout=5,
        ).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            return None
        return bad(
            "contraseña",
            f"el volumen guarda otra contraseña de «{user}»: se grabó al estrenarlo y ya no sigue a .env",
            f"docker compose exec postgres psql -U {user} -d {database or user} -c '\\password'",
        )
    return ok("contraseña", f"la de .env abre la base de datos como «{user}»")
