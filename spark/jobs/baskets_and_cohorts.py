"""Qué se compra junto y cuántos clientes vuelven: dos preguntas sobre `ventas` para un clúster.

Ambas cruzan la tabla consigo misma, que es lo que peor lleva una sola máquina cuando crece. Deja
dos tablas en PostgreSQL, que sustituyen a las anteriores de una vez, y lo mismo en Parquet:

    marts.productos_juntos      datos/salida/productos_juntos/canal=…
    marts.cohortes_clientes     datos/salida/cohortes_clientes/cohorte=…

Con Docker:

    docker compose --profile spark run --rm app_spark spark-submit /opt/spark-apps/baskets_and_cohorts.py

Sin Docker, con el entorno activado y en la carpeta del proyecto. Sin decir más, en esta máquina; con
la dirección de un maestro (SPARK_MASTER_URL, o `spark-submit --master`), en su clúster:

    python spark/jobs/baskets_and_cohorts.py
    SPARK_CONF_DIR=spark/conf spark-submit --master spark://maestro:7077 spark/jobs/baskets_and_cohorts.py

Para hacer otro trabajo, copie este archivo. Las funciones de en medio van de DataFrame a DataFrame,
sin leer ni escribir nada: por eso se prueban con tablas de seis filas (tests/shop/test_jobs.py).
"""

import sys
from dataclasses import dataclass

from psycopg import sql
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - así la llama todo el mundo

from declared.ventas import Venta
from etl.database.connection import LOADER, Connection, connect
from etl.database.migrate import ensure_ready
from etl.dataset import declared
from etl.declarations import import_declared
from etl.errors import EtlError
from etl.load import marts
from etl.settings import Settings
from extras.settings import live_settings
from extras.spark.read import open_table
from extras.spark.session import open_session, resources

# Dos productos que coincidieron menos veces que estas no dicen nada: pudo ser casualidad.
LEAST_BASKETS = 3


def baskets(sales: DataFrame) -> DataFrame:
    """Una fila por producto de cada cesta: lo que un cliente compró un día, en una tienda y por un canal.

    Las ventas anónimas no entran: no se sabe cuáles fueron juntas.
    """
    known = sales.where(F.col("cliente_id").isNotNull())
    basket = F.struct("cliente_id", "fecha_venta", "tienda_id", "canal").alias("cesta")
    # distinct: llevarse dos veces lo mismo no es una pareja.
    return known.select("canal", basket, "producto_id").distinct()


def bought_together(baskets: DataFrame, least: int = LEAST_BASKETS) -> DataFrame:
    """Una fila por canal y pareja de productos que coincidió en al menos `least` cestas.

    `confianza_pct`: de las cestas con el producto A, cuántas llevan también el B. `mejora`: cuántas
    veces más coinciden de lo que coincidirían si no tuvieran nada que ver (1 es casualidad).
    """
    left = baskets.withColumnRenamed("producto_id", "producto_a")
    right = baskets.withColumnRenamed("producto_id", "producto_b")
    # Cada cesta, consigo misma. El «menor que» deja cada pareja una vez y quita la de uno consigo mismo.
    pairs = left.join(right, ["canal", "cesta"]).where("producto_a < producto_b")
    together = pairs.groupBy("canal", "producto_a", "producto_b").agg(F.count("*").alias("cestas"))
    total = baskets.groupBy("canal").agg(F.count_distinct("cesta").alias("todas"))
    each = baskets.groupBy("canal", "producto_id").agg(F.count("*").alias("veces"))
    with_a = each.select("canal", F.col("producto_id").alias("producto_a"), F.col("veces").alias("con_a"))
    with_b = each.select("canal", F.col("producto_id").alias("producto_b"), F.col("veces").alias("con_b"))
    return (
        together.where(F.col("cestas") >= least)
        # Son pequeñas: Spark las copia a todos los ejecutores en vez de mover las parejas (broadcast).
        .join(total, "canal")
        .join(with_a, ["canal", "producto_a"])
        .join(with_b, ["canal", "producto_b"])
        .select(
            "canal",
            "producto_a",
            "producto_b",
            "cestas",
            F.round(100 * F.col("cestas") / F.col("con_a"), 2).alias("confianza_pct"),
            F.round(F.col("cestas") * F.col("todas") / (F.col("con_a") * F.col("con_b")), 2).alias("mejora"),
        )
    )


def monthly_cohorts(sales: DataFrame) -> DataFrame:
    """Una fila por cohorte (los clientes que empezaron un mes) y por meses pasados desde entonces.

    `clientes`: cuántos de ellos compraron ese mes, también como porcentaje de la cohorte entera.
    """
    bought = sales.where(F.col("cliente_id").isNotNull()).select(
        "cliente_id", F.trunc("fecha_venta", "month").alias("mes"), F.col("importe_eur").alias("importe")
    )
    first = bought.groupBy("cliente_id").agg(F.min("mes").alias("cohorte"))
    # El primer mes de una cohorte es la cohorte entera.
    size = F.first("clientes").over(Window.partitionBy("cohorte").orderBy("meses"))
    return (
        bought.join(first, "cliente_id")
        .withColumn("meses", F.months_between("mes", "cohorte").cast("int"))
        .groupBy("cohorte", "meses")
        .agg(
            F.count_distinct("cliente_id").alias("clientes"),
            F.sum("importe").alias("importe_eur"),
        )
        .select("cohorte", "meses", "clientes", F.round(100 * F.col("clientes") / size, 2).alias("retencion_pct"),
                "importe_eur")
    )  # fmt: skip


@dataclass(frozen=True)
class Output:
    """Un resultado: su tabla de `marts`, con qué columnas, qué es una fila y por qué columna se parte."""

    name: str
    columns: str
    grain: str
    partition: str


TOGETHER = Output(
    "productos_juntos",
    "canal text, producto_a integer, producto_b integer, cestas bigint, confianza_pct numeric(5,2),"
    " mejora numeric(12,2)",
    "Una fila por canal y pareja de productos comprados juntos",
    "canal",
)
COHORTS = Output(
    "cohortes_clientes",
    "cohorte date, meses integer, clientes bigint, retencion_pct numeric(5,2), importe_eur numeric(14,2)",
    "Una fila por mes de primera compra y meses pasados desde entonces",
    "cohorte",
)


def write_parquet(result: DataFrame, output: Output, settings: Settings) -> None:
    """Una carpeta por valor de la columna de partición: quien pida un canal solo lee su carpeta.

    Escriben los ejecutores, así que en un clúster la carpeta tiene que ser la misma en todos.
    """
    folder = (settings.datos_dir / "salida" / output.name).absolute()
    # repartition: un archivo por carpeta; sin él, cada tarea dejaría uno suyo en todas.
    result.repartition(output.partition).write.mode("overwrite").partitionBy(output.partition).parquet(folder.as_uri())


def write_table(result: DataFrame, output: Output, connection: Connection) -> int:
    """Llena una tabla nueva y la pone en el lugar de la anterior, en la transacción abierta. Cuántas filas."""
    marts.lock(connection, output.name)
    table, rows = marts.building(output.name), 0
    connection.execute(sql.SQL(f"CREATE TABLE {{}} ({output.columns})").format(table))
    names = sql.SQL(", ").join(map(sql.Identifier, result.columns))
    with connection.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as copy:
        # El resultado es pequeño y llega por partes: aquí nunca está entero. Para uno grande, que
        # copie cada ejecutor lo suyo (app/extras/spark/stage.py).
        for row in result.toLocalIterator():
            copy.write_row(row)
            rows += 1
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(output.grain)))
    marts.swap_in(connection, output.name)
    return rows


def run(settings: Settings) -> None:
    """Lee, calcula y escribe. Lanza `ClusterUnavailable` o `DatabaseUnavailable` si no puede."""
    with open_session(settings, "cestas y cohortes") as spark:
        print(resources(spark), file=sys.stderr)
        with open_table(spark, settings, declared(Venta)) as table:
            # La usan las dos preguntas: se lee una vez y se queda en la memoria de los ejecutores.
            sales = table.cache()
            results = {TOGETHER: bought_together(baskets(sales)).cache(), COHORTS: monthly_cohorts(sales).cache()}
            for output, result in results.items():
                write_parquet(result, output, settings)
            with connect(settings, role=LOADER) as connection, connection.transaction():
                for output, result in results.items():
                    print(f"marts.{output.name}: {write_table(result, output, connection)} filas")


def main() -> int:
    """Los mismos códigos de salida que `etl`: 4 sin base de datos, 5 sin clúster."""
    try:
        settings = live_settings()
        ensure_ready(settings)
        import_declared()  # las tablas a las que apunta `ventas`
        run(settings)
    except EtlError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
