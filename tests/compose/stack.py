"""Un stack de Compose de usar y tirar: una copia del proyecto, con nombres y puertos propios.

Entra una carpeta y el entorno; salen contenedores de verdad, los que describen los archivos del
proyecto. Los nombres y los puertos son distintos en cada uno para no chocar con un stack que
alguien tenga en marcha.
"""

import json
import os
import random
import shutil
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from etl.settings import ROOT
from own_project import declare_own
from own_sample import write_sample

BASE = "docker-compose.yml"
OVERRIDE = "docker-compose.override.yml"
SECRETS = "docker-compose.secrets.yml"
PORTS = ("POSTGRES_PORT", "PGADMIN_PORT", "ADMINER_PORT", "JUPYTER_PORT")
SPARK_PORTS = ("SPARK_MASTER_UI_PORT", "SPARK_DRIVER_UI_PORT", "SPARK_HISTORY_PORT")


@dataclass
class Stack:
    """Las órdenes de `docker compose` sobre una copia del proyecto."""

    folder: Path
    environment: dict[str, str]
    # Vacío: lo que hace Compose solo, docker-compose.yml más el override.
    files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    name: str = field(default_factory=lambda: f"prueba{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        own = {"COMPOSE_PROJECT_NAME": self.name, "CONTAINER_PREFIX": self.name, "NETWORK_NAME": self.name}
        names = PORTS + SPARK_PORTS
        ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
        self.environment = {**own, **ports, **self.environment}

    def compose(self, *arguments: str, check: bool = True, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Ejecuta `docker compose ...` en la carpeta. El entorno de quien prueba no se cuela."""
        options = [option for file in self.files for option in ("-f", file)]
        options += [option for profile in self.profiles for option in ("--profile", profile)]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
        done = subprocess.run(
            ["docker", "compose", *options, *arguments],
            cwd=self.folder,
            env={**kept, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"docker compose {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def up(self, *arguments: str) -> int:
        """Levanta el stack y espera a que app_etl termine; devuelve su código de salida."""
        self.compose("up", "--detach", "--no-build", *arguments)
        return self.wait("app_etl")

    def wait(self, service: str, timeout: float = 120) -> int:
        """Espera a que un servicio termine y devuelve su código de salida."""
        return int(docker("wait", self.container(service), timeout=timeout))

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm app_etl ...`: otro contenedor del mismo servicio."""
        return self.compose("run", "--rm", "-T", "app_etl", *arguments, **options)

    def spark(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm app_spark ...`: un trabajo para el clúster."""
        return self.compose("run", "--rm", "-T", "app_spark", *arguments, **options)

    def query(self, sql: str, user: str = "alumno") -> list[list[str]]:
        """Una consulta dentro del contenedor de PostgreSQL; cada fila, una lista de textos."""
        text = self.compose(
            "exec", "-T", "postgres", "psql", "-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
            "-U", user, "-d", "curso_bigdata", "-c", sql,
        ).stdout  # fmt: skip
        return [line.split("\t") for line in text.splitlines() if line]

    @property
    def url(self) -> str:
        """Por dónde se llega a la base de datos desde esta máquina."""
        return f"postgresql://alumno:bigdata2026@127.0.0.1:{self.environment['POSTGRES_PORT']}/curso_bigdata"

    def number(self, sql: str) -> int:
        """Una consulta que da un solo número."""
        return int(self.query(sql)[0][0])

    def container(self, service: str) -> str:
        """El identificador del contenedor de un servicio, en marcha o parado."""
        return self.compose("ps", "--all", "--quiet", service).stdout.strip()

    def containers(self, service: str) -> list[str]:
        """Los de un servicio que puede tener varios."""
        return self.container(service).split()

    def inspect(self, service: str) -> dict[str, Any]:
        """Lo que el motor sabe del contenedor de un servicio."""
        found: list[dict[str, Any]] = json.loads(docker("inspect", self.container(service)))
        return found[0]

    def config(self) -> dict[str, Any]:
        """La configuración ya resuelta, como la ve Compose."""
        resolved: dict[str, Any] = json.loads(self.compose("config", "--format", "json").stdout)
        return resolved

    def logs(self, service: str) -> str:
        return self.compose("logs", "--no-color", service).stdout

    def destroy(self) -> None:
        """Borra contenedores, red y volúmenes, también los de los perfiles."""
        self.profiles = ("*",)
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "2", check=False)


def docker(*arguments: str, timeout: float = 120) -> str:
    """Una orden de `docker`; devuelve lo que escribe o falla con lo que dijo."""
    done = subprocess.run(
        ["docker", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def fresh_copy(folder: Path) -> Path:
    """Lo que tendría un clon nuevo, con los cambios aún sin guardar: ni `.env` ni nada generado."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def strict_copy(folder: Path) -> Path:
    """El clon de quien tiene `umask 077`: solo lo lee su dueño, que es el usuario 1000 si aquí se es root."""
    return strict(fresh_copy(folder))


def own_copy(folder: Path) -> Path:
    """Lo mismo, con lo que declaran las pruebas y sus archivos de ejemplo en lugar de los del proyecto."""
    write_sample(declare_own(fresh_copy(folder)) / "datos")
    return strict(quick_java(folder))


def quick_java(folder: Path) -> Path:
    """Sus programas de Spark duran segundos: Java no llega a ganar lo que tarda en optimizarlos."""
    with (folder / "spark" / "conf" / "spark-defaults.conf").open("a", encoding="utf-8") as defaults:
        defaults.writelines(f"spark.{one}.extraJavaOptions -XX:TieredStopAtLevel=1\n" for one in ("driver", "executor"))
    return folder


def strict(folder: Path, owner: int = 1000) -> Path:
    """Deja la carpeta y lo que hay dentro al alcance de su dueño y de nadie más."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
        if os.geteuid() == 0:
            os.chown(path, owner, owner)
    return folder


def free_ports(count: int) -> list[int]:
    """Puertos libres ahora mismo, por debajo de los que el sistema da a cada conexión: las de otras pruebas los gastan."""
    candidates = random.sample(range(10_000, 20_000), 10_000)
    return list(islice(filter(_is_free, candidates), count))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def wait_until(condition: Any, seconds: float, what: str, pause: float = 0.1) -> Any:
    """Espera a que `condition()` sea cierta y devuelve su valor."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(pause)
    raise AssertionError(f"En {seconds} s no llegó a pasar: {what}")


def moment(text: str) -> datetime:
    """La hora de Docker, que trae nanosegundos, con los microsegundos que entiende Python."""
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00")
