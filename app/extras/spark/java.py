"""Con qué Java trabaja Spark: el de JAVA_HOME, si le vale, o el de la máquina.

Sin ninguno que valga es un error que dice cómo instalar uno con lo que tenga el sistema.
"""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from etl.errors import ClusterUnavailable

# Con estas versiones funciona Spark 4.3; con la 17, también Spark 3.5.
JAVA_VERSIONS = (17, 21, 25)
# El paquete de Debian y Ubuntu. Cada edición tiene unas versiones: Debian 12, la 17; Debian 13, la 21 y la 25.
DEBIAN = "openjdk-{}-jre-headless"
# Cómo se instala uno en los demás sistemas.
ELSEWHERE = {
    "Darwin": "brew install --cask temurin@21",
    "Windows": "winget install EclipseAdoptium.Temurin.21.JRE",
    "Linux": "el paquete de Java 21 de su sistema (en Fedora, sudo dnf install java-21-openjdk-headless)",
}
IN_DOCKER = "docker compose --profile spark up -d && docker compose --profile spark run --rm app_spark"


def java_home() -> str:
    """La carpeta del Java elegido. Lanza `ClusterUnavailable` si no hay ninguno que valga."""
    given = os.environ.get("JAVA_HOME")
    if given and _version(shutil.which("java", path=str(Path(given) / "bin"))) in JAVA_VERSIONS:
        return given
    if (java := shutil.which("java")) and _version(java) in JAVA_VERSIONS:
        return str(Path(java).resolve().parents[1])
    raise ClusterUnavailable(
        "Spark necesita Java 17, 21 o 25 y no se encuentra.",
        f"Instálelo: {_offer()}; si ya lo tiene, ponga su carpeta en JAVA_HOME. "
        f"O use el Spark de Docker, que lo trae: {IN_DOCKER}",
    )


def _version(java: str | None) -> int | None:
    """El número mayor de versión; `None` si no hay programa o no lo dice («java version» de macOS sin Java)."""
    if java is None:
        return None
    # Sin JAVA_TOOL_OPTIONS y parecidas: con una opción mal escrita no diría la suya, y Java sí está.
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_OPTIONS")}
    told = subprocess.run([java, "-version"], env=plain, capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found[1]) if found else None


def _offer() -> str:
    """La orden que instala un Java que vale, con lo que ofrece este sistema."""
    if shutil.which("apt-cache"):
        names = [DEBIAN.format(number) for number in JAVA_VERSIONS]
        listed = subprocess.run(["apt-cache", "pkgnames", "openjdk-"], capture_output=True, text=True, check=False)
        known = set(listed.stdout.split())
        best = next((name for name in reversed(names) if name in known), "default-jre-headless")
        return f"sudo apt install {best}"
    return ELSEWHERE.get(platform.system(), ELSEWHERE["Linux"])
