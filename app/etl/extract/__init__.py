"""extract: un archivo, del formato que sea -> trozos de filas en texto.

discover.py   encuentra los archivos
source.py     abre uno y calcula su huella
read.py       elige el lector por la extensión: delimited.py (records.py, careful.py, encoding.py),
              jsonl.py, parquet.py, excel.py
match.py      empareja la cabecera con las columnas declaradas (preamble.py, si no está la primera)
unknown.py    lo mismo para un archivo que nadie declaró: con sqlite.py, json_file.py, one_mark.py,
              ending.py y lo que averigua detection/
disguise.py, corrected.py, unstorable.py, parts.py   casos aparte, cada uno el suyo
"""
