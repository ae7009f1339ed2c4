"""bulk: las mismas filas con menos trabajo de PostgreSQL.

borrow.py  lo que el dueño presta         writer.py    qué se copia y qué se mezcla
sieve.py   qué claves pueden repetirse    copy_out.py  lo contrario de COPY
stream.py  un COPY de varios trozos       records.py   los registros de un bloque
binary.py  COPY en formato binario
"""
