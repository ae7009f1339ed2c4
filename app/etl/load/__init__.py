"""load: filas válidas y rechazos -> PostgreSQL, y la cuenta de todas.

encode.py  filas -> bytes de COPY        table.py   COPY a la tabla; mezcla lo que choca
orphans.py filas cuya madre no existe    ledger.py  el libro de cargas
marts.py   rehace las tablas de consulta versions.py qué versión de un archivo está cargada
"""
