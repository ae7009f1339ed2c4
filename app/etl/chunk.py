"""Lo que pasa de un paso al siguiente: trozos de filas en texto y las filas apartadas.

`extract/` hace `Chunk`, `transform/` los convierte en filas válidas y `Reject`,
`load/` guarda ambas cosas.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
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
    `rejects`: filas que ya al leer no tenían la forma del archivo.
    """

    columns: pa.Table
    lines: pa.Array
    raw: Callable[[int], str]
    dialect: Dialect
    rejects: list[Reject] = field(default_factory=list)

    def set_aside(self, rows: Sequence[int], code: str, message: str) -> "Chunk":
        """El mismo trozo, con esas filas (índices desde 0) entre los rechazos."""
        if not len(rows):
            return self
        kept = np.delete(np.arange(len(self.lines)), list(rows))
        # Un NUL no cabe en un texto de PostgreSQL: en el original de la fila se ve escapado.
        rejects = [
            Reject(self.lines[row].as_py(), self.raw(row).replace("\0", "\\x00"), None, None, code, message)
            for row in rows
        ]
        return replace(
            self,
            columns=self.columns.take(pa.array(kept)),
            lines=self.lines.take(pa.array(kept)),
            raw=lambda row: self.raw(int(kept[row])),
            rejects=sorted([*self.rejects, *rejects], key=lambda reject: reject.line),
        )
