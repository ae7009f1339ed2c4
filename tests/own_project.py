"""El proyecto en que corren las pruebas: este, con lo que ellas declaran en lugar de lo que declare él.

En `tests/own/` están sus declaraciones, la migración que crea sus tablas y sus marts. Así las pruebas
del núcleo y de lo que lo acompaña no dependen de qué datos cargue el proyecto; los suyos se prueban en
`tests/shop/`.
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


def own_project(folder: Path) -> Path:
    """Una copia del proyecto entero que declara lo de las pruebas y tiene `datos/` vacía."""
    theirs = shutil.ignore_patterns(".*", *CACHES, "declared", "sql", "datos")
    shutil.copytree(ROOT, folder, ignore=theirs)
    shutil.copytree(OWN / "declared", folder / "app" / "declared", ignore=shutil.ignore_patterns(*CACHES))
    own_sql(folder / "sql")
    (folder / "datos" / "salida").mkdir(parents=True)
    return folder
