"""La orden `etl` con lo que declara el proyecto, y no con lo que declaran las pruebas."""

import subprocess

import loader
from etl.settings import ROOT, Settings

APP = str(ROOT / "app")


def environment(settings: Settings, **changes: str) -> dict[str, str]:
    """El entorno para un proceso con la base y la carpeta de una prueba."""
    return loader.environment(settings, PYTHONPATH=APP, **changes)


def etl(settings: Settings, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """La orden, entera: salida, errores y código."""
    return loader.etl(settings, *arguments, PYTHONPATH=APP, **changes)
