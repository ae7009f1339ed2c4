"""El trabajo de ejemplo: sus cuentas con tablas de unas filas, y entero con la tienda y un clúster."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds
import pytest

from etl.settings import ROOT, Settings
from extras.spark.session import open_session
from own_rows import query
from project.command import environment, etl
from spark.standalone import Standalone

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.any_server]
JOB = ROOT / "spark" / "jobs" / "baskets_and_cohorts.py"
COLUMNS = "cliente_id int, fecha_venta date, tienda_id int, canal string, producto_id int, importe_eur decimal(14,2)"


@pytest.fixture(scope="module")
def job() -> ModuleType:
    """El módulo del trabajo, que no está en ningún paquete."""
    spec = importlib.util.spec_from_file_location("baskets_and_cohorts", JOB)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Las clases de datos buscan ahí su módulo.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def spark(java: None) -> "Iterator[SparkSession]":
    with open_session(Settings(), "pruebas") as session:
        yield session


def sales(spark: "SparkSession", *rows: tuple[int | None, str, str, int, str]) -> "DataFrame":
    """Ventas en la tienda 1: cliente, día de 2025, canal, producto e importe."""
    return spark.createDataFrame(
        [
            (client, date.fromisoformat(f"2025-{day}"), 1, channel, product, Decimal(amount))
            for client, day, channel, product, amount in rows
        ],
        COLUMNS,
    )


def bought(client: int | None, day: str, channel: str, *products: int) -> list[tuple[Any, ...]]:
    return [(client, day, channel, product, "1") for product in products]


def test_products_bought_together_are_counted_once_per_basket(job: ModuleType, spark: "SparkSession") -> None:
    table = sales(
        spark,
        *bought(1, "01-02", "web", 2, 1, 3, 1),  # el 1, dos veces: es la misma cesta
        *bought(2, "01-02", "web", 1, 2),
        *bought(1, "01-03", "web", 1),  # otro día es otra cesta
        *bought(3, "01-03", "web", 3, 2),
        *bought(1, "01-02", "tienda", 1, 2),  # y otro canal también
        *bought(None, "01-02", "web", 1, 2, 3),  # sin cliente no se sabe si fueron juntas
    )
    pairs = job.bought_together(job.baskets(table), least=1)
    # En web hay 4 cestas: el 1 está en 3, el 2 en 3 y el 3 en 2.
    assert sorted(map(tuple, pairs.collect())) == [
        ("tienda", 1, 2, 1, 100.0, 1.0),
        ("web", 1, 2, 2, 66.67, 0.89),  # 2 · 4 / (3 · 3)
        ("web", 1, 3, 1, 33.33, 0.67),  # 1 · 4 / (3 · 2)
        ("web", 2, 3, 2, 66.67, 1.33),  # 2 · 4 / (3 · 2)
    ]
    often = job.bought_together(job.baskets(table), least=2)
    assert sorted((row.producto_a, row.producto_b) for row in often.collect()) == [(1, 2), (2, 3)]


def test_a_cohort_is_followed_from_the_month_of_its_first_purchase(job: ModuleType, spark: "SparkSession") -> None:
    table = sales(
        spark,
        (1, "01-31", "web", 1, "20.00"),
        (1, "03-01", "web", 1, "2.50"),
        (2, "01-01", "web", 1, "4.00"),
        (2, "02-28", "web", 1, "1.00"),
        (3, "02-01", "web", 1, "2.97"),
        (None, "01-15", "web", 1, "81.00"),
    )
    assert sorted(map(tuple, job.monthly_cohorts(table).collect())) == [
        (date(2025, 1, 1), 0, 2, 100.0, Decimal("24.00")),
        (date(2025, 1, 1), 1, 1, 50.0, Decimal("1.00")),
        (date(2025, 1, 1), 2, 1, 50.0, Decimal("2.50")),
        (date(2025, 2, 1), 0, 1, 100.0, Decimal("2.97")),
    ]


# Lo mismo que calcula el trabajo, preguntado a PostgreSQL de otra manera.
PAIRS = """
WITH cestas AS (
  SELECT canal, (cliente_id, fecha_venta, tienda_id) AS cesta, producto_id FROM datos.ventas
  WHERE cliente_id IS NOT NULL GROUP BY canal, cliente_id, fecha_venta, tienda_id, producto_id
)
SELECT canal, a.producto_id, b.producto_id, count(*)
FROM cestas AS a JOIN cestas AS b USING (canal, cesta)
WHERE a.producto_id < b.producto_id GROUP BY 1, 2, 3 HAVING count(*) >= 3 ORDER BY 1, 2, 3
"""
COHORTS = """
WITH primera AS (SELECT cliente_id, min(date_trunc('month', fecha_venta)) AS cohorte FROM datos.ventas GROUP BY 1)
SELECT cohorte::date, (extract(month FROM fecha_venta) - extract(month FROM cohorte))::int,
  count(DISTINCT cliente_id), sum(importe_eur)
FROM datos.ventas JOIN primera USING (cliente_id) GROUP BY 1, 2 ORDER BY 1, 2
"""


def test_the_whole_job_runs_on_a_cluster_and_a_second_time_replaces_what_it_left(
    settings: Settings, cluster: Standalone, job: ModuleType
) -> None:
    assert etl(settings, "run", "--quiet", DATOS_DIR=str(ROOT / "datos")).returncode == 0
    changes = {"SPARK_CONF_DIR": str(ROOT / "spark" / "conf"), "PYSPARK_PYTHON": sys.executable}
    submit = [Path(sys.executable).with_name("spark-submit"), "--master", cluster.url, JOB]
    for order in (submit, [sys.executable, JOB]):
        done = subprocess.run(
            order, env=environment(settings, **changes), capture_output=True, text=True, check=False, timeout=200
        )
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stdout + done.stderr
        check_results(settings)
        # `spark-submit` junta las dos salidas de un programa de Python en una.
        assert f"maestro {cluster.url if order is submit else 'local[*,4]'}" in done.stdout + done.stderr
    assert query(settings, "SELECT count(*) FROM pg_tables WHERE tablename LIKE '%\\_\\_nuevo'") == [0]


def check_results(settings: Settings) -> None:
    pairs = "SELECT canal, producto_a, producto_b, cestas FROM marts.productos_juntos ORDER BY 1, 2, 3"
    cohorts = "SELECT cohorte, meses, clientes, importe_eur FROM marts.cohortes_clientes ORDER BY 1, 2"
    assert query(settings, pairs) == query(settings, PAIRS)
    assert query(settings, cohorts) == query(settings, COHORTS)
    for name, partition in (("productos_juntos", "canal"), ("cohortes_clientes", "cohorte")):
        folder = settings.datos_dir / "salida" / name
        written = ds.dataset(folder, partitioning="hive")
        assert written.count_rows() == query(settings, f"SELECT count(*) FROM marts.{name}")[0] > 50
        values = query(settings, f"SELECT DISTINCT {partition}::text FROM marts.{name} ORDER BY 1")
        assert [path.name for path in sorted(folder.glob("*=*"))] == [f"{partition}={value}" for value in values]


def test_without_a_cluster_the_job_says_so_with_the_code_of_etl(
    settings: Settings, job: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(settings, SPARK_MASTER_URL="spark://127.0.0.1:1").items():
        monkeypatch.setitem(os.environ, name, value)
    monkeypatch.setattr("extras.spark.session.MASTER_SECONDS", 0)
    assert job.main() == 5
    assert "No se llega al maestro de Spark en spark://127.0.0.1:1" in capsys.readouterr().err
