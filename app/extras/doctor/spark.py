"""El clúster de Spark: si el maestro responde, si tiene trabajadores y si son todos de la misma versión.

Se mira la página del maestro, desde dentro de la red (`inside`) o por su puerto publicado
(`published`); no se manda ningún trabajo.
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.request import urlopen

from extras.doctor.docker import Project
from extras.doctor.finding import Finding, bad, ok, skip

CHECK = "spark"
MASTER = "spark-master"
SAME_IMAGE = (MASTER, "spark-worker", "app_spark")
UP = "docker compose --profile spark up -d"
INSIDE = "docker compose --profile spark run --rm app_spark doctor"
# Donde el maestro pone su página, si nadie dice otra cosa.
MASTER_PAGE_PORT = 8080
SECONDS = 5
# Todas las páginas de Spark dicen su versión arriba a la izquierda, y solo ahí.
VERSION = re.compile(r'class="version\b[^>]*>\s*([\d.]+)')


def inside(spark_master: str | None) -> Iterator[Finding]:
    """Desde un contenedor que manda trabajos: lo que haya en el clúster de SPARK_MASTER_URL."""
    found = re.match(r"spark://([^:,]+)", spark_master or "")
    if found:
        yield _examine(f"http://{found[1]}:{MASTER_PAGE_PORT}", _driver_version())


def published(project: Project) -> Iterator[Finding]:
    """Desde la máquina: que todos usen la misma imagen y, si está en marcha, el maestro de este proyecto."""
    images = {name: project.services[name].get("image") for name in SAME_IMAGE if name in project.services}
    if len(set(images.values())) > 1:
        named = ", ".join(f"{name} «{image}»" for name, image in images.items())
        yield bad(
            CHECK,
            f"no todos usan la misma imagen, y su Python y su Spark tienen que ser los mismos: {named}",
            "quite las líneas «image» de los servicios de Spark, o ponga la misma en todas",
        )
    ports = project.services.get(MASTER, {}).get("ports") or []
    if project.running(MASTER) and ports:
        yield _examine(f"http://{ports[0].get('host_ip') or '127.0.0.1'}:{ports[0]['published']}", None)
    elif project.running(MASTER):
        yield skip(CHECK, f"su página no está publicada: {INSIDE}")


def _examine(page: str, driver: str | None) -> Finding:
    """`driver`: la versión del conductor; sin ella, la del maestro."""
    try:
        state = json.loads(_read(f"{page}/json/"))
        wanted = driver or _version(_read(page))
    except (OSError, ValueError) as error:
        return bad(CHECK, f"no se llega a la página del maestro ({page}): {error}", UP)
    alive = [worker for worker in state["workers"] if worker["state"] == "ALIVE"]
    if not alive:
        return bad(CHECK, "el maestro no tiene ningún trabajador: los trabajos esperarían sin fin", UP)
    versions = {worker["host"]: _worker_version(page, worker) for worker in alive}
    other = [f"{host} ({found})" for host, found in versions.items() if found not in (wanted, None)]
    if other:
        return bad(
            CHECK,
            f"hay trabajadores de otra versión que la {wanted} del conductor: {', '.join(other)}",
            f"la misma imagen para todos: docker compose --profile spark build && {UP} --force-recreate",
        )
    cores = sum(worker["cores"] for worker in alive)
    return ok(CHECK, f"trabajadores: {len(alive)}; núcleos: {cores}; versión {wanted}")


def _driver_version() -> str | None:
    try:
        return version("pyspark")
    except PackageNotFoundError:
        return None


def _worker_version(page: str, worker: dict[str, Any]) -> str | None:
    """La página de un trabajador se ve a través de la del maestro (spark.ui.reverseProxy)."""
    try:
        return _version(_read(f"{page}/proxy/{worker['id']}/"))
    except OSError:
        return None


def _version(html: str) -> str | None:
    found = VERSION.search(html)
    return found[1] if found else None


def _read(url: str) -> str:
    with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - siempre http, y de este clúster
        text: str = answer.read().decode("utf-8")
    return text
