"""Lo que acompaña al núcleo (`etl/`) y el núcleo no necesita: cada carpeta se puede borrar sola.

`wiring.py` es el único que conoce las dos cosas.

    undeclared/  archivos sin declarar      formats/   Parquet, Excel, SQLite, .zip…
    quarantine/  corregir filas apartadas   bulk/      cargar con menos trabajo del servidor
    spark/       repartir en un clúster     embedded/  PostgreSQL sin instalar nada
    doctor/      qué está mal               report/    el informe en HTML
    marts/       solo lo que ha cambiado    forget/    deshacer la carga de un archivo
    many/        pasar por alto lo cargado  profile/   cómo son los datos de una tabla
    catalog/     qué tablas hay
    screen/      tablas y colores
"""
