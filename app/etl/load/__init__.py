"""load: filas válidas y rechazos -> PostgreSQL, y la cuenta de todas.

table.py   COPY a la tabla; mezcla lo que choca   orphans.py   filas cuya madre no existe
ledger.py  el libro de cargas                     versions.py  qué versión de un archivo está cargada
marts.py   rehace las tablas de consulta
"""
