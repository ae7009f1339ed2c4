"""etl: de los archivos de `datos/` a tablas validadas de PostgreSQL.

El camino de una fila, un módulo por paso:

    cli -> pipeline -> extract -> transform -> load -> PostgreSQL
                       (texto)   (valida)    (COPY)

Las declaraciones de los datos están en `declared/`; empiece por `pipeline.py`.
"""

__version__ = "0.1.0"
