"""Sus datos: un archivo por data set, con lo que se espera de sus filas y cómo se transforman.

Basta con que el archivo esté aquí: no hay ninguna lista que editar. Cómo se hace uno: `docs/hagala-suya.md`.
"""
