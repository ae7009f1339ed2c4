"""Pruebas de la tienda que trae el proyecto: sus datos, su generador, su trabajo de Spark y sus documentos.

Nada de fuera de esta carpeta las necesita, ni a la tienda. La base y la orden son las de `tests/project`.
"""

from project.conftest import run, sql_dir, template  # noqa: F401 - fixtures
from spark.conftest import cluster, java, running_cluster  # noqa: F401 - fixtures
