"""El motor de Spark: el mismo archivo, las mismas reglas y las mismas tablas, repartido en un clúster.

    java.py      con qué Java trabaja
    session.py   la sesión de Spark y qué ejecutores dio el clúster
    plan.py      en el conductor: el archivo en partes que empiezan y acaban donde un registro
    cut.py       en los ejecutores: dónde está de verdad cada corte
    ahead.py     en el conductor: qué archivos se validan mientras se mezcla otro
    stage.py     en los ejecutores: una parte -> `transform` -> COPY a su tabla de paso
    merge.py     en el conductor: las tablas de paso elegidas -> la tabla, en una transacción
    cluster.py   los une

Spark puede ejecutar una tarea dos veces (un fallo, un ejecutor perdido, especulación). Cada
intento escribe en una tabla suya y solo se mezclan los intentos que Spark dio por buenos: por eso
cada fila entra exactamente una vez.
"""

from extras.spark.cluster import open_cluster

__all__ = ["open_cluster"]
