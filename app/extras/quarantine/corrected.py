"""Reconoce un CSV que salió de la cuarentena (`etl rejects --csv`) y le quita lo que se le puso."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import Chunk

# Las columnas que explican cada fila; empiezan por «_» y no se cargan.
EXPLAINED = ["_archivo", "_linea", "_motivo", "_fila"]
# El apóstrofo que protege de las fórmulas a quien abre el archivo en una hoja de cálculo.
ESCAPED = r"^'('*(?:\s*[=+\-@]|[\t\r]))"


def restored(header: list[str], chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Los trozos de un CSV que salió de aquí, sin los apóstrofos que se le pusieron; los demás, igual."""
    if not set(EXPLAINED) <= set(header):
        return chunks
    return (replace(chunk, columns=_unescape(chunk.columns)) for chunk in chunks)


def _unescape(columns: pa.Table) -> pa.Table:
    names = columns.column_names
    return pa.table({name: pc.replace_substring_regex(columns[name], ESCAPED, r"\1") for name in names})
