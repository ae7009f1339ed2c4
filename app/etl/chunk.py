"""Lo que pasa de un paso al siguiente: trozos de filas en texto y las filas apartadas.

`extract/` hace `Chunk`, `transform/` los convierte en filas válidas y `Reject`,
`load/` guarda ambas cosas.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from etl.dialect import Dialect

# El motivo de una fila que la transformación descarta: no es un fallo, y se cuenta aparte.
FILTERED = "filtered"


@dataclass(frozen=True)
class Reject:
    """Una fila que no se carga: dónde estaba, cómo era y por qué no pasó."""

    line: int
    raw: str
    column: str | None
    value: str | None
    code: str
    message: str


@dataclass(frozen=True)
class Chunk:
    """Unas decenas de miles de filas consecutivas de un archivo, todavía en texto.

    `columns`: una columna de texto por cada columna de la tabla, con su nombre.
    `lines`: línea física (desde 1) en que empieza cada fila; en Excel, la fila de la hoja.
    `raw(i)`: el texto original de la fila `i`; solo se busca cuando la fila se rechaza.
    `rejects`: filas que ya al leer no tenían la forma del archivo. `blank`: líneas de solo separadores, que no
    son filas. `also`: otra manera de escribir las fechas, que también vale.
    """

    columns: pa.Table
    lines: pa.Array
    raw: Callable[[int], str]
    dialect: Dialect
    rejects: list[Reject] = field(default_factory=list)
    blank: int = 0
    also: Dialect | None = None
