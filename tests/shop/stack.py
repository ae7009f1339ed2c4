"""Los fixtures que hacen de un stack de pruebas el de la tienda; los demás son los de `tests/compose`."""

import pytest

from compose.conftest import IMAGE, NOTEBOOKS_IMAGE, SPARK_IMAGE, Clone
from compose.stack import fresh_copy, quick_java, strict


@pytest.fixture(scope="session")
def clone() -> Clone:
    """Copia el proyecto con lo suyo."""
    return lambda folder: strict(quick_java(fresh_copy(folder)))


@pytest.fixture(scope="session")
def built() -> dict[str, str]:
    """Otras imágenes: las de `tests/compose` llevan dentro lo que declaran las pruebas."""
    own = {"ETL_IMAGE": IMAGE, "SPARK_IMAGE": SPARK_IMAGE, "NOTEBOOKS_IMAGE": NOTEBOOKS_IMAGE}
    return {name: f"{image}-tienda" for name, image in own.items()}
