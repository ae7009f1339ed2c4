"""Una tabla leída con Spark: lo que había en ella en un mismo momento, con sus tipos."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from declared.ventas import Venta
from etl.dataset import declared
from etl.settings import Settings
from extras.spark.read import open_table
from extras.spark.session import open_session
from own_rows import VENTAS, load, venta, write, write_parents
from support import ServerAddress, execute

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def spark(java: None) -> "Iterator[SparkSession]":
    with open_session(Settings(), "pruebas") as session:
        yield session


def test_a_table_is_read_in_one_snapshot_whatever_is_loaded_meanwhile(
    settings: Settings, database: ServerAddress, spark: "SparkSession"
) -> None:
    write_parents(settings)
    write(settings, "ventas.csv", VENTAS, venta(1), venta(7, canal="tienda"), venta(1000, cliente_id=""))
    load(settings)
    with open_table(spark, settings, declared(Venta)) as table:
        execute(database, "DELETE FROM datos.ventas WHERE venta_id = 7", "UPDATE datos.ventas SET cantidad = 9")
        rows = sorted(map(tuple, table.collect()))
    assert rows == [
        (number, date(2025, 1, 31), None, 1, 1, 2, Decimal("1.20"), Decimal("0.00"), channel)
        for number, channel in ((1, "web"), (7, "tienda"), (1000, "web"))
    ]


def test_an_empty_table_gives_no_rows(settings: Settings, spark: "SparkSession") -> None:
    with open_table(spark, settings, declared(Venta)) as table:
        assert table.collect() == []
