"""El proyecto en que corren las pruebas: este, con lo que ellas declaran en lugar de lo que declare él.

En `tests/own/` están sus declaraciones, la migración que crea sus tablas y sus marts. Así las pruebas
del núcleo y de lo que lo acompaña no dependen de qué datos cargue el proyecto; los suyos se prueban en
`tests/project/`.
"""

import os
import shutil
from pathlib import Path

from etl.settings import ROOT

OWN = Path(__file__).parent / "own"
# Con esto delante, «declared» es en cualquier proceso lo que declaran las pruebas.
PYTHONPATH = os.pathsep.join([str(OWN), str(ROOT / "app")])
CACHES = ("__pycache__",)


def own_sql(folder: Path) -> Path:
    """Una carpeta como `sql/`, con la migración del registro y, en vez de las demás, las de `tests/own`."""
    versions = Path("migrations") / "versions"
    shutil.copytree(ROOT / "sql", folder, ignore=shutil.ignore_patterns("versions", "marts", *CACHES))
    shutil.copytree(OWN / "sql", folder, ignore=shutil.ignore_patterns(*CACHES), dirs_exist_ok=True)
    for registry in (ROOT / "sql" / versions).glob("0001_*.py"):
        shutil.copy2(registry, folder / versions)
    return folder


def declare_own(project: Path) -> Path:
    """En una copia del proyecto, pone lo de las pruebas en lugar de lo suyo y vacía su `datos/`."""
    shutil.rmtree(project / "app" / "declared")
    shutil.copytree(OWN / "declared", project / "app" / "declared", ignore=shutil.ignore_patterns(*CACHES))
    shutil.rmtree(project / "sql")
    own_sql(project / "sql")
    for path in (project / "datos").iterdir():
        if path.is_file():
            path.unlink()
        elif path.name != "salida":
            shutil.rmtree(path)
    return project


def own_project(folder: Path) -> Path:
    """Una copia del proyecto entero que declara lo de las pruebas y tiene `datos/` vacía."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", *CACHES))
    return declare_own(folder)
