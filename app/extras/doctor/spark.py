"""El clúster de Spark: si el maestro responde, si tiene trabajadores y si todos usan la misma imagen.

Se mira la página del maestro, desde dentro de la red (`inside`) o por su puerto publicado
(`published`); no se manda ningún trabajo.
"""

import json
import re
from collections.abc import Iterator
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


def inside(spark_master: str | None) -> Iterator[Finding]:
    """Desde un contenedor que manda trabajos: lo que haya en el clúster de SPARK_MASTER_URL."""
    found = re.match(r"spark://([^:,]+)", spark_master or "")
    if found:
        yield _examine(f"http://{found[1]}:{MASTER_PAGE_PORT}")


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
        yield _examine(f"http://{ports[0].get('host_ip') or '127.0.0.1'}:{ports[0]['published']}")
    elif project.running(MASTER):
        yield skip(CHECK, f"su página no está publicada: {INSIDE}")


def _examine(page: str) -> Finding:
    try:
        with urlopen(f"{page}/json/", timeout=SECONDS) as answer:  # noqa: S310 - siempre http, y de este clúster
            state = json.load(answer)
    except (OSError, ValueError) as error:
        return bad(CHECK, f"no se llega a la página del maestro ({page}): {error}", UP)
    alive = [worker for worker in state["workers"] if worker["state"] == "ALIVE"]
    if not alive:
        return bad(CHECK, "el maestro no tiene ningún trabajador: los trabajos esperarían sin fin", UP)
    return ok(CHECK, f"trabajadores: {len(alive)}; núcleos: {sum(worker['cores'] for worker in alive)}")
