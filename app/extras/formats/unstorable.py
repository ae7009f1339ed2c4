"""Aparta las filas con un texto que PostgreSQL no puede guardar: las que llevan un carácter NUL.

En un CSV las encuentra `records.py` y en un JSON `jsonl.py`, en los bytes; en los formatos que dan
textos ya hechos (Parquet, SQLite) se miran aquí. Entra un trozo y sale sin esas filas, que quedan en
sus rechazos.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import Chunk, Reject
from etl.extract.records import BAD_NUL


def without_unstorable(chunk: Chunk) -> Chunk:
    """El mismo trozo, con las filas que llevan un NUL entre sus rechazos."""
    bad = np.zeros(chunk.columns.num_rows, dtype=bool)
    for column in chunk.columns.columns:
        if any(b"\0" in bytes(piece.buffers()[2] or b"") for piece in column.chunks):
            bad |= pc.fill_null(pc.match_substring(column, "\0"), False).to_numpy()
    return set_aside(chunk, np.flatnonzero(bad).tolist(), "nul", BAD_NUL)


def set_aside(chunk: Chunk, rows: Sequence[int], code: str, message: str) -> Chunk:
    """El mismo trozo, con esas filas (índices desde 0) entre los rechazos."""
    if not len(rows):
        return chunk
    kept = np.delete(np.arange(len(chunk.lines)), list(rows))
    # Un NUL no cabe en un texto de PostgreSQL: en el original de la fila se ve escapado.
    rejects = [
        Reject(chunk.lines[row].as_py(), chunk.raw(row).replace("\0", "\\x00"), None, None, code, message)
        for row in rows
    ]
    return replace(
        chunk,
        columns=chunk.columns.take(pa.array(kept)),
        lines=chunk.lines.take(pa.array(kept)),
        raw=lambda row: chunk.raw(int(kept[row])),
        rejects=sorted([*chunk.rejects, *rejects], key=lambda reject: reject.line),
    )
