"""Pruebas de la tienda que trae el proyecto: sus datos, su generador, su trabajo de Spark y sus documentos.

Nada de fuera de esta carpeta las necesita, ni a la tienda. La base y la orden son las de `tests/project`.
"""

import re

import pytest

from extras.embedded.programs import PROGRAMS
from project.conftest import run, sql_dir, template  # noqa: F401 - fixtures
from spark.conftest import cluster, java, running_cluster  # noqa: F401 - fixtures

# Sin la tienda (test_remove.py) pasan todas las pruebas que quedan, con este PostgreSQL, salvo estas.
WITHOUT_THE_SHOP = str(min(PROGRAMS))
ELSEWHERE = ("docker", "spark", "pythons")
REMOVAL = "test_the_tests_that_stay_pass_and_the_orders_work"
# Donde las pruebas ven qué declara el proyecto: estas pasan con la tienda y sin ella.
SEE_THE_PROJECT = re.compile("^tests/(docs|doctor|project|report|shop)/|/test_(core_alone|inspect_and_new).py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Si también se prueba a quitar la tienda, lo que allí es letra por letra lo mismo se prueba allí."""
    if config.getoption("--pg") or not any(item.name == REMOVAL for item in items):
        return
    repeated = [item for item in items if _is_repeated(item)]
    config.hook.pytest_deselected(items=repeated)
    items[:] = [item for item in items if item not in repeated]


def _is_repeated(item: pytest.Item) -> bool:
    apart = any(item.get_closest_marker(name) for name in ELSEWHERE) or SEE_THE_PROJECT.search(item.nodeid)
    return f"pg{WITHOUT_THE_SHOP}" in item.name and len(PROGRAMS) > 1 and not apart
