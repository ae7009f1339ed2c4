"""COPY en formato binario, con `pgpq`: al servidor le cuesta menos leerlo que el CSV del núcleo, y da las mismas filas.

No hay `pgpq` para Linux en ARM (Docker en un Mac): allí se escribe CSV, que tarda la mitad más.
"""

from typing import TYPE_CHECKING

import pyarrow as pa
from psycopg import sql

from etl.load.table import TableWriter

try:
    import pgpq
    from pgpq.encoders import StringEncoderBuilder
    from pgpq.schema import Jsonb
except ImportError:
    pgpq = None  # type: ignore[assignment]

# pgpq no suelta el GIL mientras escribe: por partes, el hilo que carga no espera más de 1 ms.
SLICE = 4096


class CsvWriter(TableWriter):
    """En CSV, también lo que Arrow no sabe escribir."""

    # Lo que va delante y detrás de todas las filas de un COPY.
    START, END = b"", b""

    def formatted(self, rows: pa.Table) -> list[bytes]:
        for at, field in enumerate(rows.schema):
            if pa.types.is_binary(field.type) or pa.types.is_duration(field.type):
                texts = [
                    str(value) if not isinstance(value, bytes) else f"\\x{value.hex()}"
                    for value in rows[at].to_pylist()
                ]
                rows = rows.set_column(at, field.name, pa.array(texts, pa.string(), mask=rows[at].is_null().to_numpy()))
        return super().formatted(rows)


class BinaryWriter(TableWriter):
    """En binario. Las columnas jsonb de la tabla llegan como texto JSON."""

    FORMAT = sql.SQL("FORMAT binary")
    START, END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"

    def formatted(self, rows: pa.Table) -> list[bytes]:
        infer, as_jsonb = pgpq.ArrowToPostgresBinaryEncoder.infer_encoder, StringEncoderBuilder.new_with_output
        jsonb = self.table.jsonb
        encoders = {one.name: as_jsonb(one, Jsonb()) if one.name in jsonb else infer(one) for one in rows.schema}
        encoder = pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(rows.schema, encoders)
        encoder.write_header()
        batches = [encoder.write_batch(batch) for batch in rows.combine_chunks().to_batches(SLICE)]
        return [self.START, *batches, encoder.finish().removesuffix(self.END), self.END]


if not TYPE_CHECKING and pgpq is None:
    BinaryWriter = CsvWriter
