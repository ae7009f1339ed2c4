"""undeclared: un archivo que nadie declaró -> una tabla de `staging` con los tipos de sus filas.

one_table.py   una transacción: crear, llenar y sustituir    names.py       nombres de columna
evidence.py    qué se ve en cada columna                     formats.py     cómo se escribe cada tipo
infer.py       qué tipo tiene, y por qué                     convert.py     los valores, con ese tipo
inspection.py  mira un archivo entero sin cargarlo           staging.py     las tablas de staging
scaffold.py    escribe su declaración                        new.py         la guarda, con su migración
"""
