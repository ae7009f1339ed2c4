"""Abre un archivo que nadie ha declarado: averigua cómo está escrito y da sus filas en texto.

Entra un `Source`; sale el documento (con `chunks`) y un `Found` con lo averiguado. Los formatos
con estructura propia (JSON, Parquet, Excel, SQLite) no necesitan detección: la traen.
Lo usan `one_table.py` para cargar e `inspection.py` para enseñar.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from etl.chunk import Chunk
from etl.dialect import Dialect
from etl.errors import FileRefused
from etl.extract.delimited import BLOCK, DelimitedFile
from etl.extract.read import DELIMITED, SAMPLE, Document, divert
from etl.extract.source import ByteStream, Opened, Rewound, Source, Utf8Stream, decompressed, opened, read_fully
from etl.run import FileResult
from extras.bulk.records import split
from extras.formats.disguise import refuse_disguised
from extras.formats.foreign import refuse_format
from extras.formats.readers import EXCEL, PARQUET, SQLITE, whole
from extras.undeclared.detection.cut import Record, Shape
from extras.undeclared.detection.detect import SAMPLE_LINES, Detected, detect
from extras.undeclared.detection.header import Heading, find_heading
from extras.undeclared.ending import without_ending
from extras.undeclared.json_file import JSON, open_json
from extras.undeclared.names import column_names, name_warnings
from extras.undeclared.one_mark import MARK, OneMark, Restored

# Además del principio, se miran trozos repartidos: un archivo puede no llevar acentos al empezar.
PROBES, PROBE_BYTES = 64, 16 << 10
TEXT_SUFFIXES = (*DELIMITED, ".data", ".asc", ".prn", ".log", ".tsv", "")
# Un disco que se llenó o se apagó a destiempo deja archivos de nulos.
NOTHING = b" \t\r\n\v\f\0"
ROUNDED = (
    "columna «{}»: números de más de 15 cifras, que un libro no guarda enteros; si son códigos, póngalos como texto."
)
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)")


@dataclass(frozen=True)
class Found:
    """Lo averiguado: nombres originales, columnas sin nombre y cómo está escrito (si es texto)."""

    columns: tuple[str, ...]
    unnamed: frozenset[int] = frozenset()
    encoding: str | None = None
    detected: Detected | None = None
    # Cómo están separados los campos; nada en los formatos que no los separan.
    written: Dialect | None = None
    delimiter: str = ""
    warnings: Sequence[str] = ()
    native: bool = False  # los números ya lo eran en el archivo: «1.234» es uno y pico
    # La clase de las columnas que en el archivo son todas de una (`formats.KINDS`).
    kinds: Mapping[int, str] = field(default_factory=dict)
    heading: Heading | None = None

    @cached_property
    def names(self) -> list[str]:
        """Los nombres de sus columnas en la tabla."""
        return column_names(self.columns)

    def chunks(self, document: Document) -> Iterator[Chunk]:
        """Las filas del documento por trozos, sin pie ni segunda tabla."""
        return without_ending(document.chunks({name: at for at, name in enumerate(self.names)}))

    def told(self, dropped: Collection[str] = ()) -> list[str]:
        """Lo que hay que saber de él: también qué columnas, salvo las que se quitan, no se llaman como en la cabecera."""
        unsaid = self.unnamed | {self.names.index(name) for name in dropped}
        return [*self.warnings, *name_warnings(self.columns, self.names, unsaid)]

    def describe(self, result: FileResult) -> None:
        """Apunta lo que `etl run --json` dice de un archivo."""
        head = self.detected or self.heading
        result.encoding, result.written = self.encoding, self.written
        result.facts = {
            "line_end": self.detected and self.detected.line_end,
            "header": head is None or head.header_rows > 0,
            "preamble_rows": head.preamble_rows if head else 0,
        }


@contextmanager
def open_rows(source: Source) -> Iterator[tuple[Found, Iterator[Chunk]]]:
    """Lo averiguado de un archivo y sus filas por trozos, con los nombres de columna que tendrán."""
    with opened(source) as file, open_unknown(source, file) as (document, found):
        yield found, found.chunks(document)


@contextmanager
def open_unknown(source: Source, file: Opened) -> Iterator[tuple[Document, Found]]:
    """El documento y lo averiguado de él. Lanza `FileRefused` si está vacío o no se conoce el formato."""
    if source.suffix in JSON:
        with open_json(source, file) as (document, encoding):
            kinds = {at: kind for at, key in enumerate(document.header) if (kind := document.kinds[key])}
            yield document, Found(tuple(document.header), encoding=encoding, native=True, kinds=kinds)
    elif source.suffix in EXCEL:
        with whole(source, file) as path:
            yield _open_sheet(path, source.part_name)
    elif source.suffix in SQLITE and source.unpack is None:
        from extras.formats.sqlite import open_table, table_names

        table, others = open_table(source.path, source.part or ""), table_names(source.path, "virtual", "shadow")
        told = [f"Tablas internas o virtuales, que no se leen: {', '.join(others)}."] if others else []
        yield table, Found(tuple(table.header), warnings=told, native=True, kinds=table.kinds)
    elif source.suffix in TEXT_SUFFIXES:
        with _open_text(source, file) as text:
            yield text
    elif source.suffix in PARQUET:
        from extras.formats.parquet import open_parquet

        with whole(source, file) as path:
            parquet = open_parquet(path, as_bytes=True)
            parquet.progress = file
            yield parquet, Found(tuple(parquet.header), warnings=parquet.warnings, native=True, kinds=parquet.kinds)
    else:
        refuse_format(source.suffix)


@contextmanager
def _open_text(source: Source, file: Opened) -> Iterator[tuple[Document, Found]]:
    with decompressed(source, file) as stream:
        sample = read_fully(stream, SAMPLE)
        if not sample.strip(NOTHING):
            raise FileRefused("El archivo está vacío: no tiene ni cabecera.", "Expórtelo de nuevo.")
        divert(sample)
        refuse_disguised(sample)
        complete = len(sample) < SAMPLE
        seen = detect(sample, complete=complete, more=b"" if complete else _probes(source))
        dialect = seen.dialect
        written, marks = replace(dialect, delimiter=seen.delimiter), dialect.delimiter
        found = Found(seen.columns, seen.unnamed, dialect.encoding, seen, written, marks, seen.warnings)
        yield open_detected(sample, stream, seen), found


def _open_sheet(path: Path, name: str | None) -> tuple[Document, Found]:
    """Una hoja de cálculo: sus celdas tienen tipo, pero también puede llevar títulos y varias cabeceras."""
    from extras.formats.cells import merged_warning, odd_cells, odd_warnings
    from extras.formats.excel import cell_text, column_kinds, not_read, open_sheet, sheet_names, sheet_rows, worksheet

    names = [name] if name else sheet_names(path)  # de un libro dentro de otro archivo, solo la primera
    sheet = open_sheet(path, next(iter(names), None))
    first = list(islice(sheet_rows(sheet), SAMPLE_LINES))
    if not first:
        raise FileRefused("La hoja está vacía: no tiene ni cabecera.", "Elija otra hoja.")
    texts = {line: tuple(cell_text(cell) or "" for cell in cells) for line, cells in first}
    records = tuple(Record(line, cells) for line, cells in texts.items())
    lines = [" ".join(texts.get(line, ())).strip() for line in range(1, first[-1][0] + 1)]
    found = find_heading(records, len(first[0][1]), lines, Shape("\t", None))
    divert("\t".join(found.columns).encode())
    after = found.preamble_rows + found.header_rows
    rows = [sheet_rows(sheet, after), sheet_rows(sheet, after)]
    told = [
        *not_read(names),
        *found.warnings,
        *merged_warning(sheet, after),
        *odd_warnings(odd_cells(path, sheet.name)),
    ]
    document = worksheet(list(found.columns), rows[0])
    kinds, rounded = column_kinds(rows[1])
    told += [ROUNDED.format(found.columns[at]) for at in rounded if at < len(found.columns)]
    return document, Found(found.columns, found.unnamed, warnings=told, native=True, kinds=kinds, heading=found)


def _probes(source: Source) -> bytes:
    """Trozos repartidos por un archivo sin comprimir, cortados por líneas."""
    if source.unpack:
        return b""
    size = source.path.stat().st_size
    pieces = []
    with source.path.open("rb") as file:
        for number in range(1, PROBES + 1):
            file.seek(SAMPLE + (size - SAMPLE) * number // (PROBES + 1))
            piece = file.read(PROBE_BYTES)
            pieces.append(piece[piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1])
    return b"".join(pieces)


def open_detected(sample: bytes, rest: ByteStream, found: Detected) -> Document:
    """Un archivo delimitado, abierto por su primera fila de datos. `sample`: lo que ya se leyó de él."""
    encoding = "utf-8" if found.dialect.encoding == "utf-8-sig" else found.dialect.encoding
    line = found.dialect.preamble_rows + found.header_rows
    utf8: ByteStream = Utf8Stream(Rewound(sample, rest), encoding)
    dialect, one_mark = found.dialect, found.skip_space or len(found.dialect.delimiter.encode()) > 1
    if one_mark:
        utf8 = OneMark(utf8, found.dialect.delimiter, found.skip_space)
        dialect = replace(dialect, delimiter=MARK)
    first = utf8.read(BLOCK)
    skipped = 0
    for _ in range(line):
        match = _LINE.match(first, skipped)
        skipped = match.end() if match else len(first)
    # Sin cabecera, unos nombres que ninguna fila puede repetir.
    header = list(found.columns) if found.header_rows else [f"\0{n}" for n, _ in enumerate(found.columns)]
    document = DelimitedFile(header, dialect, utf8, first[skipped:], line + 1, split=split)
    return Restored(document, found.delimiter) if one_mark else document
