"""Aparta las filas con un texto que PostgreSQL no puede guardar: las que llevan un carácter NUL.

En un CSV las encuentra `careful.py` y en un JSON `jsonl.py`, en los bytes; en los formatos que dan
textos ya hechos (Parquet, SQLite) se miran aquí. Entra un trozo y sale sin esas filas, que quedan en
sus rechazos.
"""

import numpy as np
import pyarrow.compute as pc

from etl.chunk import Chunk
from etl.extract.careful import BAD_NUL


def without_unstorable(chunk: Chunk) -> Chunk:
    """El mismo trozo, con las filas que llevan un NUL entre sus rechazos."""
    bad = np.zeros(chunk.columns.num_rows, dtype=bool)
    for column in chunk.columns.columns:
        if any(b"\0" in bytes(piece.buffers()[2] or b"") for piece in column.chunks):
            bad |= pc.fill_null(pc.match_substring(column, "\0"), False).to_numpy()
    return chunk.set_aside(np.flatnonzero(bad).tolist(), "nul", BAD_NUL)
