"""detection: cómo está escrito un archivo de texto que nadie declaró.

detect.py   junta lo demás: codificación, separador y comillas, preámbulo y cabecera
charset.py  la codificación
cut.py      corta líneas en valores,     sniff.py        puntúa cada manera de cortarlas
            y qué parece cada uno
header.py   dónde empieza la tabla       header_rows.py  qué filas son la cabecera
"""
