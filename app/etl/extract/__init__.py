"""extract: un archivo declarado -> trozos de filas en texto.

discover.py  encuentra los archivos         source.py     abre uno y calcula su huella
read.py      elige el lector                match.py      empareja su cabecera con lo declarado
delimited.py CSV y parecidos                records.py    qué es un registro de ellos
jsonl.py     JSON lines
"""
