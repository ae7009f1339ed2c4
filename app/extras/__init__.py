"""Lo que acompaña al núcleo (`etl/`) y el núcleo no necesita: se puede borrar, entero o por carpetas.

`wiring.py` es el único que conoce las dos cosas. Qué carpeta usa otra está en tests/unit/test_imports.py.

    undeclared/  archivos sin declarar      formats/   Parquet, Excel, SQLite, .zip…
    quarantine/  corregir filas apartadas   bulk/      cargar con menos trabajo del servidor
    spark/       repartir en un clúster     embedded/  PostgreSQL sin instalar nada
    doctor/      qué está mal               report/    el informe en HTML
    marts/       solo lo que ha cambiado    forget/    deshacer la carga de un archivo
    many/        pasar por alto lo cargado  profile/   cómo son los datos de una tabla
    catalog/     qué tablas hay
    screen/      tablas y colores
"""
