"""Escribe filas en el formato que lee COPY.

Entra una tabla de Arrow con los tipos ya comprobados; salen los bytes que `table.py` manda y, en
`FORMAT`, cómo decirle a COPY lo que son. Lo normal es el formato binario, con `pgpq`. No hay
`pgpq` para Linux en ARM (Docker en un Mac): allí Arrow escribe CSV, que da las mismas filas y
tarda la mitad más.
"""

import io
from collections.abc import Collection

import numpy as np
import pyarrow as pa
from psycopg import sql
from pyarrow import csv

from etl.chunk import from_numpy

try:
    import pgpq
    from pgpq.encoders import StringEncoderBuilder
    from pgpq.schema import Jsonb
except ImportError:
    pgpq = None  # type: ignore[assignment]

# pgpq no suelta el GIL mientras escribe: por partes, el hilo que carga no espera más de 1 ms.
SLICE = 4096
FORMAT = sql.SQL("FORMAT csv" if pgpq is None else "FORMAT binary")


def encode(rows: pa.Table, load_id: int, jsonb: Collection[str] = ()) -> list[bytes]:
    """Las filas y su `_load_id`, listas para COPY, por trozos: unirlos sería copiarlo todo otra vez.

    Las columnas de `jsonb` son texto JSON.
    """
    rows = rows.append_column("_load_id", from_numpy(np.full(rows.num_rows, load_id, np.int32)))
    return as_csv(rows) if pgpq is None else as_binary(rows, jsonb)


def as_binary(rows: pa.Table, jsonb: Collection[str] = ()) -> list[bytes]:
    """Formato binario de COPY, con su cabecera y su final."""
    infer, as_jsonb = pgpq.ArrowToPostgresBinaryEncoder.infer_encoder, StringEncoderBuilder.new_with_output
    encoders = {one.name: as_jsonb(one, Jsonb()) if one.name in jsonb else infer(one) for one in rows.schema}
    encoder = pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(rows.schema, encoders)
    header = encoder.write_header()
    batches = [encoder.write_batch(batch) for batch in rows.combine_chunks().to_batches(SLICE)]
    return [header, *batches, encoder.finish()]


def as_csv(rows: pa.Table) -> list[bytes]:
    """CSV con todos los textos entre comillas: así uno vacío no se confunde con un nulo."""
    for at, field in enumerate(rows.schema):
        if pa.types.is_binary(field.type) or pa.types.is_duration(field.type):  # Arrow no sabe escribirlos
            texts = [
                str(value) if not isinstance(value, bytes) else f"\\x{value.hex()}" for value in rows[at].to_pylist()
            ]
            rows = rows.set_column(at, field.name, pa.array(texts, pa.string(), mask=rows[at].is_null().to_numpy()))
    output = io.BytesIO()
    csv.write_csv(rows, output, csv.WriteOptions(include_header=False, quoting_style="needed"))
    return [output.getvalue()]
