"""CSV, TSV y parecidos: bytes -> trozos de columnas de texto, con la línea de cada fila.

`records.py` y `careful.py` deciden qué es un registro; aquí Arrow los separa en columnas.
Todo el archivo se lee por bloques: la memoria no depende de su tamaño.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from etl.chunk import Chunk, Reject
from etl.dialect import Dialect
from etl.errors import FileRefused
from etl.extract.careful import RECORD_LIMIT, split_carefully
from etl.extract.encoding import ByteStream, Utf8Stream
from etl.extract.records import Records, is_regular, split_plain, split_quoted

# 8 MB son unas 60.000 filas: bastantes para que Arrow rinda y pocas para que la memoria no se note.
BLOCK = 8 << 20
# Una línea que no cabe en 64 MB no es de un archivo delimitado.
LINE_LIMIT = 64 << 20
FIELD_LIMIT = 1 << 20
HEADER_LIMIT = 1 << 20


@dataclass
class DelimitedFile:
    """Un archivo delimitado abierto, con la cabecera ya leída y las filas por leer."""

    header: list[str]
    dialect: Dialect
    stream: ByteStream
    pending: bytes
    line: int

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos. `columns`: para cada columna de la tabla, su posición en el archivo."""
        at_end = False
        while not at_end:
            data = self.stream.read(BLOCK)
            at_end = not data
            block = self.pending + data
            if at_end and block and not block.endswith((b"\n", b"\r")):
                block += b"\n"
            records = split(block, self.dialect, len(self.header), self.line, at_end)
            self.pending, self.line = block[records.consumed :], records.next_line
            if len(self.pending) > LINE_LIMIT:
                raise FileRefused(
                    f"Línea {self.line}: ocupa más de {LINE_LIMIT >> 20} MB sin un fin de línea.",
                    "No parece un archivo de texto delimitado.",
                )
            if len(records.lines) or records.rejects:
                yield to_chunk(records, self.dialect, self.header, columns)


def open_delimited(stream: ByteStream, dialect: Dialect) -> DelimitedFile:
    """Lee la cabecera y deja el archivo listo para dar sus filas.

    `stream` da los bytes del archivo ya descomprimido. Sin cabecera declarada, `header` son las
    posiciones («1», «2», …). Lanza `FileRefused` si el archivo está vacío.
    """
    utf8 = Utf8Stream(stream, dialect.encoding)
    first = utf8.read(BLOCK)
    lines = first[:HEADER_LIMIT].splitlines(keepends=True)
    texts = (line.decode("utf-8", "replace") for line in lines[dialect.preamble_rows :])
    reader = csv.reader(
        texts,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )
    names = next((row for row in reader if row), None)
    if names is None:
        raise FileRefused(
            "El archivo está vacío: no tiene ni cabecera.", "Expórtelo de nuevo desde su origen."
        )
    used = dialect.preamble_rows + (reader.line_num if dialect.header else 0)
    header = names if dialect.header else [str(number) for number in range(1, len(names) + 1)]
    return DelimitedFile(header, dialect, utf8, first[sum(map(len, lines[:used])) :], used + 1)


def split(block: bytes, dialect: Dialect, fields: int, line: int, at_end: bool) -> Records:
    """Elige el camino más rápido que puede con este bloque."""
    lines = block[: block.rfind(b"\n") + 1]
    if lines and dialect.escape is None and is_regular(lines):
        if not dialect.quote or dialect.quote.encode() not in lines:
            return split_plain(lines, line)
        quoted = split_quoted(lines, dialect, line)
        # Lo que sobra puede seguir en el bloque siguiente, salvo que no lo haya o ya sea demasiado.
        if quoted is not None and len(lines) - quoted.consumed < (1 if at_end else RECORD_LIMIT):
            return quoted
    return split_carefully(block, dialect, fields, line, at_end)


def to_chunk(records: Records, dialect: Dialect, header: list[str], columns: dict[str, int]) -> Chunk:
    """Separa los registros en columnas; aparta los que tienen otro número de campos."""
    table, wrong = _parse(records, dialect, header, columns)
    kept = np.delete(np.arange(len(records.lines)), list(wrong))
    rejects = records.rejects + [
        Reject(
            int(records.lines[row]),
            records.raw(row),
            None,
            None,
            "field_count",
            f"tiene {found} campos y la cabecera tiene {len(header)}",
        )
        for row, found in wrong.items()
    ]
    for code, message, rows in _odd_rows(table, header, columns):
        rejects += [
            Reject(int(records.lines[kept[row]]), records.raw(int(kept[row])), None, None, code, message)
            for row in rows
        ]
        table = table.take(np.delete(np.arange(table.num_rows), rows))
        kept = np.delete(kept, rows)
    return Chunk(
        table, pa.array(records.lines[kept]), lambda row: records.raw(int(kept[row])), dialect, rejects
    )


def _parse(
    records: Records, dialect: Dialect, header: list[str], columns: dict[str, int]
) -> tuple[pa.Table, dict[int, int]]:
    """Las columnas pedidas, en texto, y las filas con otro número de campos (fila -> campos)."""
    wrong: dict[int, int] = {}

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        wrong[row.number - 1] = row.actual_columns
        return "skip"

    positions = [str(position) for position in range(len(header))]
    wanted = [positions[position] for position in columns.values()]
    if not records.data:
        return pa.table({name: pa.array([], pa.string()) for name in columns}), wrong
    table = arrow_csv.read_csv(
        pa.BufferReader(records.data),
        # Un solo hilo: así Arrow numera las filas que aparta, y el otro núcleo es de PostgreSQL.
        arrow_csv.ReadOptions(use_threads=False, block_size=len(records.data) + 1, column_names=positions),
        arrow_csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote or False,
            escape_char=dialect.escape or False,
            newlines_in_values=records.inner_breaks,
            ignore_empty_lines=False,
            invalid_row_handler=set_aside,
        ),
        arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(wanted, pa.string()),
            null_values=list(dialect.nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            include_columns=wanted,
        ),
    )
    return table.rename_columns(list(columns)), wrong


def _odd_rows(
    table: pa.Table, header: list[str], columns: dict[str, int]
) -> Iterator[tuple[str, str, list[int]]]:
    """Filas bien formadas que no son datos: la cabecera repetida y los campos desmesurados."""
    if table.num_rows == 0:
        return
    repeated: Any = None
    for name, position in columns.items():
        same = pc.fill_null(pc.equal(table[name], header[position]), False)
        repeated = same if repeated is None else pc.and_(repeated, same)
        if not pc.any(repeated).as_py():
            break
    else:
        yield "repeated_header", "es la cabecera otra vez", np.flatnonzero(repeated.to_numpy()).tolist()
    for name in columns:
        if table[name].nbytes > FIELD_LIMIT:
            long = pc.greater(pc.fill_null(pc.binary_length(table[name]), 0), FIELD_LIMIT)
            if pc.any(long).as_py():
                message = f"columna «{name}»: ocupa más de {FIELD_LIMIT >> 20} MB"
                yield "field_too_long", message, np.flatnonzero(long.to_numpy()).tolist()
                return
