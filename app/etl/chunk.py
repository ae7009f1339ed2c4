"""Lo que pasa de un paso al siguiente: trozos de filas en texto y las filas apartadas.

`extract/` hace `Chunk`, `transform/` los convierte en filas válidas y `Reject`,
`load/` guarda ambas cosas.

Las columnas se hacen aquí, de sus bytes: `pa.array`, `pa.scalar` y `to_numpy` importan pandas (0,15 s en cada orden)
para ver si es suyo lo que reciben. También un número o un texto que se pasa a `pc`: por eso son constantes de Arrow.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from etl.dialect import Dialect

# El motivo de una fila que la transformación descarta: no es un fallo, y se cuenta aparte.
FILTERED = "filtered"
# El nulo que se pone en lugar de un valor.
NOTHING = pa.nulls(1)[0]


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


def from_numpy(values: np.ndarray) -> pa.Array:
    """Una columna con los números, o los sí y no, de un array de numpy."""
    data = np.packbits(values, bitorder="little") if values.dtype == bool else values
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(data)])


def constants(values: Iterable[object], data_type: pa.DataType | None = None) -> pa.Array:
    """Una columna con unos pocos valores, de texto o del tipo que se diga, sin los nulos."""
    texts = [(value if isinstance(value, str) else str(value)).encode() for value in values if value is not None]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers).cast(data_type or pa.string())


# El texto vacío.
EMPTY = constants([""])[0]
