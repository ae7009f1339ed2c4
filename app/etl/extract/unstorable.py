"""Aparta las filas con un texto que PostgreSQL no puede guardar: las que llevan un carácter NUL.

En un CSV las encuentra `careful.py` y en un JSON `jsonl.py`, en los bytes; en los formatos que dan
textos ya hechos (Parquet, SQLite) se miran aquí. Entra un trozo y sale sin esas filas, que quedan en
sus rechazos.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import Chunk, Reject
from etl.extract.careful import BAD_NUL


def without_unstorable(chunk: Chunk) -> Chunk:
    """El mismo trozo, con las filas que llevan un NUL entre sus rechazos."""
    bad = np.zeros(chunk.columns.num_rows, dtype=bool)
    for column in chunk.columns.columns:
        if any(b"\0" in bytes(piece.buffers()[2] or b"") for piece in column.chunks):
            bad |= pc.fill_null(pc.match_substring(column, "\0"), False).to_numpy()
    if not bad.any():
        return chunk
    rejects = [_reject(chunk, row) for row in np.flatnonzero(bad).tolist()]
    kept = np.flatnonzero(~bad)
    return replace(
        chunk,
        columns=chunk.columns.take(pa.array(kept)),
        lines=chunk.lines.take(pa.array(kept)),
        raw=lambda row: chunk.raw(int(kept[row])),
        rejects=sorted([*chunk.rejects, *rejects], key=lambda reject: reject.line),
    )


def _reject(chunk: Chunk, row: int) -> Reject:
    raw = chunk.raw(row).replace("\0", "\\x00")
    return Reject(chunk.lines[row].as_py(), raw, None, None, "nul", BAD_NUL)
