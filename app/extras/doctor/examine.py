"""`etl doctor`: mira la máquina, Docker, la base de datos y los archivos, y dice qué arreglar y cómo.

Entra la configuración y sale una lista de `Finding`. Cada comprobación es una función de un
módulo de esta carpeta; ninguna cambia nada. Dentro de un contenedor no hay Docker que mirar.

    machine.py  containers.py  ports.py  compose_file.py    lo que se ve desde la máquina
    database.py  files.py  spark.py                         lo que se ve desde los dos sitios
"""

from collections.abc import Iterator
from pathlib import Path

from etl import declarations
from etl.errors import EtlError
from etl.parts import Parts
from etl.settings import IN_IMAGE, ROOT, Settings
from extras.doctor import compose_file, containers, database, docker, files, machine, spark
from extras.doctor.docker import Project
from extras.doctor.finding import Finding, bad, or_ok, skip
from extras.doctor.ports import ports

__all__ = ["Finding", "examine"]


def examine(settings: Settings, parts: Parts, root: Path = ROOT) -> list[Finding]:
    """Todas las comprobaciones que tienen sentido aquí, de lo más básico a lo más concreto."""
    findings: list[Finding] = []
    project = None
    if not IN_IMAGE:
        findings.append(machine.engine())
        if findings[0].state == "ok":
            compose = machine.compose()
            findings += [compose, machine.memory(), machine.disk(root)]
            project = _project(root, findings) if compose.state == "ok" else None
        else:
            findings.append(machine.disk(root))
        findings += files.environment(root, project)
        findings.append(files.line_ends(root))
    if project:
        findings += _stack(project)
    # Junto a un stack en marcha, la base de datos propia puede estar sin estrenar y no hay nada que arreglar.
    beside = settings.db_host is None and bool(project and project.running("postgres"))
    if beside:
        findings.append(skip("conexión", "sin DB_HOST se usa la propia; para mirar la del stack, DB_HOST=localhost"))
    else:
        findings += database.database(settings, parts, IN_IMAGE)
    findings += spark.inside(settings.spark_master) if IN_IMAGE else []
    findings.append(files.output_folder(settings, project))
    try:
        tables = declarations.load()
    except EtlError as error:
        return [*findings, bad("declaraciones", error.message, error.hint)]
    findings += [] if beside else database.written_here(settings)
    return [*findings, *files.data_files(settings, tables, parts)]


def _project(root: Path, findings: list[Finding]) -> Project | None:
    project = docker.read_project(root)
    if isinstance(project, Project):
        return project
    fix = files.misunderstood(root, project.error) or "docker compose config"
    findings.append(bad("compose", f"los archivos de Compose no se entienden: {project.error}", fix))
    return None


def _stack(project: Project) -> Iterator[Finding]:
    yield from containers.names(project)
    yield from ports(project)
    yield from containers.exited(project)
    yield from containers.left_over(project)
    together = "los servicios comparten red y se llaman por su nombre"
    yield from or_ok(compose_file.addresses(project), "red", together)
    yield from compose_file.networks(project)
    patient = "todos los servicios esperan a que lo que usan esté listo"
    yield from or_ok(compose_file.gating(project), "depends_on", patient)
    yield from compose_file.volumes(project)
    password = containers.password(project)
    if password:
        yield password
    yield from containers.images(project)
    yield from spark.published(project)
