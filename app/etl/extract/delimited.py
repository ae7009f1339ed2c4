"""CSV, TSV y parecidos: bytes -> trozos de columnas de texto, con la línea de cada fila.

`records.py` decide qué es un registro; aquí Arrow los separa en columnas.
Todo el archivo se lee por bloques: la memoria no depende de su tamaño.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from etl.chunk import Chunk, Reject, constants, from_numpy
from etl.dialect import Dialect
from etl.errors import FileRefused
from etl.extract.records import Records, Split, split
from etl.extract.source import ByteStream

if TYPE_CHECKING:
    import _csv

# 4 MB son unas 30.000 filas: bastantes para que Arrow rinda, y pocas para que leer y cargar vayan a la par.
BLOCK = 4 << 20
# Los primeros trozos son menores: el servidor empieza a trabajar antes.
FIRST_BLOCK = 512 << 10
# Y también si sus líneas son tan cortas que caben más: una fila rechazada es un objeto de Python.
MOST_LINES = 150_000
# Una línea que no cabe en 64 MB no es de un archivo delimitado.
LINE_LIMIT = 64 << 20
FIELD_LIMIT = HEADER_LIMIT = 1 << 20
# Si todas las filas que siguen a la cabecera acaban en un separador de más, es así como está escrito.
FOLLOWING, UNNAMED = 50, "(sin nombre)"
SEP_LINE = re.compile(rb'"?sep=(.|\\t)"?\s*$', re.IGNORECASE)


@dataclass
class DelimitedFile:
    """Un archivo delimitado abierto, con la cabecera ya leída y las filas por leer."""

    header: list[str]
    dialect: Dialect
    stream: ByteStream
    pending: bytes
    line: int
    # Si tras sus bytes acaba el archivo; si no, lo que queda a medias sigue en `pending`.
    to_end: bool = True
    split: Split = split

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos. `columns`: para cada columna de la tabla, su posición en el archivo."""
        for records in self.records():
            if len(records.lines) or records.rejects:
                yield to_chunk(records, self.dialect, self.header, columns)

    def records(self) -> Iterator[Records]:
        """Los registros por bloques; tras cada uno, `line` y `pending` dicen por dónde va la lectura."""
        size, at_end = min(FIRST_BLOCK, BLOCK), False
        while not at_end:
            data = self.stream.read(size)
            at_end = not data
            if at_end and not self.to_end:
                return
            # Se trabaja con líneas enteras; lo que sigue al último salto espera al bloque siguiente.
            cut = data.rfind(b"\n") + 1 or len(data)
            block = b"".join((self.pending, memoryview(data)[:cut]))
            if at_end and block and not block.endswith((b"\n", b"\r")):
                block += b"\n"
            records = self.split(block, self.dialect, len(self.header), self.line, at_end)
            many = records.next_line - self.line > MOST_LINES
            size = max(size // 2, FIRST_BLOCK) if many else min(2 * size, BLOCK)
            self.pending, self.line = block[records.consumed :] + data[cut:], records.next_line
            if len(self.pending) > LINE_LIMIT:
                raise FileRefused(
                    f"Línea {self.line}: ocupa más de {LINE_LIMIT >> 20} MB sin un fin de línea.",
                    "No parece un archivo de texto delimitado.",
                )
            yield records


def open_delimited(first: bytes, rest: ByteStream, dialect: Dialect, split: Split = split) -> DelimitedFile:
    """Lee la cabecera y deja el archivo listo para dar sus filas.

    `first` y `rest`: cómo empieza el archivo y lo que sigue, en UTF-8. Sin cabecera declarada, `header` son las
    posiciones («1», «2», …). Lanza `FileRefused` si el archivo está vacío.
    """
    lines = first[:HEADER_LIMIT].splitlines(keepends=True)
    # Excel antepone a veces una línea que dice el separador; si es el declarado, no es la cabecera.
    above = dialect.preamble_rows
    above += bool(lines[above:] and SEP_LINE.match(lines[above]))
    names, height, following = _first_rows(lines[above:], dialect)
    used = above + (height if dialect.header else 0)
    header = names if dialect.header else [str(number) for number in range(1, len(names) + 1)]
    if dialect.header and following and all(row[len(header) :] == [""] for row in following):
        header = [*header, UNNAMED]
    return DelimitedFile(header, dialect, rest, first[sum(map(len, lines[:used])) :], used + 1, split=split)


def _first_rows(lines: list[bytes], dialect: Dialect) -> tuple[list[str], int, list[list[str]]]:
    """La primera fila, cuántas líneas ocupa con las vacías de encima, y unas cuantas de las que siguen."""
    reader = csv_reader((line.decode("utf-8", "replace") for line in lines), dialect)
    rows = (row for row in reader if row)
    try:
        names = next(rows, None)
    except csv.Error as error:
        raise FileRefused(f"La cabecera está mal escrita: {error}.", "Revise sus comillas.") from error
    if names is None:
        raise FileRefused("El archivo está vacío: no tiene ni cabecera.", "Expórtelo de nuevo desde su origen.")
    height = reader.line_num
    try:
        return names, height, list(islice(rows, FOLLOWING))
    except csv.Error:  # una fila mal escrita la apartará quien lea las filas
        return names, height, []


def csv_reader(lines: Iterable[str], dialect: Dialect) -> "_csv.Reader":
    """El lector de Python, con la forma declarada: despacio y con cuidado, para las primeras líneas."""
    clean = (line.replace("\0", "\\x00") for line in lines)
    return csv.reader(
        (escaped(line.encode(), dialect).decode() for line in clean) if dialect.escape else clean,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )


def to_chunk(records: Records, dialect: Dialect, header: list[str], columns: dict[str, int]) -> Chunk:
    """Separa los registros en columnas; aparta los que tienen otro número de campos y los que no son datos.

    Los que solo llevan separadores son como líneas en blanco.
    """
    table, wrong = _parse(records, dialect, header, columns)
    kept = np.delete(np.arange(len(records.lines)), list(wrong))
    empty = _empty_rows(table)
    blank = {row for row in (*wrong, *kept[empty].tolist()) if not records.raw(row).strip(dialect.delimiter)}
    if len(empty) and blank:
        dropped = np.flatnonzero(np.isin(kept, list(blank))).tolist()
        table, kept = table.take(from_numpy(np.delete(np.arange(table.num_rows), dropped))), np.delete(kept, dropped)
    reasons = {
        row: ("field_count", f"tiene {found} campo{'' if found == 1 else 's'} y la cabecera tiene {len(header)}")
        for row, found in wrong.items()
        if row not in blank
    }
    if odd := _odd_rows(table, dialect, header, columns):
        reasons |= {int(kept[row]): reason for row, reason in odd.items()}
        table = table.take(from_numpy(np.delete(np.arange(table.num_rows), list(odd))))
        kept = np.delete(kept, list(odd))
    rejects = [
        Reject(int(records.lines[row]), records.raw(row), None, None, code, message)
        for row, (code, message) in reasons.items()
    ]
    lines = records.lines if len(kept) == len(records.lines) else records.lines[kept]
    return Chunk(
        table,
        from_numpy(lines),
        lambda row: records.raw(int(kept[row])),
        dialect,
        [*records.rejects, *rejects],
        len(blank),
    )


def _empty_rows(table: pa.Table) -> list[int]:
    """Las filas sin ningún valor."""
    found: pa.ChunkedArray | None = None
    for column in table.columns:
        if not column.null_count:
            return []
        found = pc.is_null(column) if found is None else pc.and_(found, pc.is_null(column))
    return _true(found) if found is not None else []


def escaped(data: bytes, dialect: Dialect) -> bytes:
    """Los mismos bytes, con el signo de escape doble donde es parte del texto («C:\\temp»)."""
    if not dialect.escape or (sign := dialect.escape.encode()) not in data:
        return data
    special = "".join(mark for mark in (dialect.escape, dialect.quote, dialect.delimiter) if mark).encode() + b"\r\n"
    pairs = re.compile(re.escape(sign) + b"([" + re.escape(special) + b"])?")
    return pairs.sub(lambda found: found[0] if found[1] else sign * 2, data)


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
        return pa.table({name: constants([]) for name in columns}), wrong
    # Un signo de escape lo es delante de las comillas, del separador y de sí mismo; Arrow lo quita siempre.
    body = escaped(records.data, dialect) if dialect.escape else records.data
    # Arrow quita una marca (BOM) al principio de lo que lee; si aquí hay una, es parte de un valor.
    data = codecs.BOM_UTF8 + body if body.startswith(codecs.BOM_UTF8) else body
    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        # Un solo hilo: así Arrow numera las filas que aparta, y el otro núcleo es de PostgreSQL.
        arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=positions),
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
    table: pa.Table, dialect: Dialect, header: list[str], columns: dict[str, int]
) -> dict[int, tuple[str, str]]:
    """Filas bien formadas que no son datos, con su motivo: la cabecera repetida y los campos desmesurados."""
    odd: dict[int, tuple[str, str]] = {}
    for name in columns:
        # Solo se mira campo a campo si la columna entera ocupa más que el límite de uno.
        if table[name].nbytes > FIELD_LIMIT:
            long = pc.greater(pc.binary_length(table[name]), constants([FIELD_LIMIT], pa.int32())[0])
            message = f"columna «{name}»: ocupa más de {FIELD_LIMIT >> 20} MB"
            odd |= dict.fromkeys(_true(long), ("field_too_long", message))
    for row in _repeated_header(table, header, columns) if dialect.header else []:
        odd[row] = ("repeated_header", "es la cabecera otra vez")
    return odd


def _repeated_header(table: pa.Table, header: list[str], columns: dict[str, int]) -> list[int]:
    repeated = from_numpy(np.ones(table.num_rows, bool))
    for name, position in columns.items():
        # Dos archivos pegados (`cat a.csv b.csv`): la segunda cabecera trae su propia marca (BOM).
        wanted = [header[position], *([f"\ufeff{header[position]}"] if position == 0 else [])]
        repeated = pc.and_(repeated, pc.is_in(table[name], constants(wanted)))
        if not pc.any(repeated).as_py():
            return []
    return _true(repeated)


def _true(mask: pa.ChunkedArray) -> list[int]:
    rows: list[int] = pc.indices_nonzero(mask).to_pylist()
    return rows
