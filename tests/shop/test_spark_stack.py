"""El trabajo de ejemplo en el clúster del stack, con la tienda cargada."""

import pytest
from pyarrow import parquet

from compose.conftest import cluster, engine, images, make_shared, project, spark_image  # noqa: F401 - fixtures
from compose.stack import Stack
from shop.stack import built, clone  # noqa: F401 - fixtures

pytestmark = [pytest.mark.docker, pytest.mark.spark, pytest.mark.timeout(1800)]


def test_the_analytic_job_runs_on_the_cluster_and_leaves_its_tables_and_files(cluster: Stack) -> None:  # noqa: F811
    """Los ejecutores leen por JDBC y escriben en `datos/salida`: usa todo lo que lleva la imagen."""
    cluster.spark("spark-submit", "/opt/spark-apps/baskets_and_cohorts.py", timeout=600)
    for table in ("productos_juntos", "cohortes_clientes"):
        rows = cluster.number(f"SELECT count(*) FROM marts.{table}")
        files = [*(cluster.folder / "datos" / "salida" / table).rglob("*.parquet")]
        assert rows > 0
        assert sum(parquet.read_metadata(file).num_rows for file in files) == rows
