"""extract: un archivo, del formato que sea -> trozos de filas en texto.

discover.py encuentra los archivos
source.py   abre uno y calcula su huella
read.py     elige el lector por la extensión
delimited.py (records.py, careful.py, encoding.py) · jsonl.py · parquet.py · excel.py
match.py    empareja la cabecera con las columnas declaradas
"""
