"""Elige el lector de cada formato por la extensión del nombre, ya sin compresión, y empareja sus columnas.

Entra un archivo abierto y salen sus filas en texto (`Text`). El núcleo lee texto delimitado y JSON lines; lo que
haga falta para otros formatos, o para mirar antes el principio del archivo, lo trae `Reading`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from etl.chunk import Chunk
from etl.dialect import Dialect
from etl.errors import Corrected, FileRefused
from etl.extract.delimited import DelimitedFile, open_delimited
from etl.extract.jsonl import open_json_lines
from etl.extract.match import match_columns
from etl.extract.records import Split, split
from etl.extract.source import (
    ByteStream,
    Opened,
    Rewound,
    Source,
    Utf8Stream,
    decompressed,
    marked_encoding,
    read_fully,
)
from etl.schema import Declared, Schema

# En estos el separador lo dice el nombre; en los demás, la declaración.
TABBED = (".tsv", ".tab")
DELIMITED = (".csv", ".psv", ".txt", ".dat", *TABBED)
JSON_LINES = (".jsonl", ".ndjson", ".json", ".geojson")
# Basta para la marca (BOM) y para ver si los acentos son de UTF-8 o de Latin-1.
SAMPLE = 1 << 20
# Lo que lleva en su cabecera, que cabe de sobra aquí, una cuarentena corregida (`etl rejects --csv`).
HEADER_LIMIT = 64 << 10
CORRECTED = re.compile(rb'_archivo"?(?P<delimiter>[^"\w])"?(_carga|_linea)\b')


class Document(Protocol):
    """Un archivo abierto: sus columnas, y sus filas cuando se piden."""

    @property
    def header(self) -> list[str]: ...

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]: ...


# El documento de un archivo con formato propio, y los avisos.
Reader = Callable[[Source, Opened], AbstractContextManager[tuple[Document, list[str]]]]


def as_lines(_sample: bytes, whole: ByteStream, encoding: str) -> tuple[ByteStream, str]:
    """Un JSON, sin mirar si lleva un objeto por línea, y su codificación."""
    return whole, encoding


@dataclass(frozen=True)
class Reading:
    """Lo que se añade al leer; viaja a los ejecutores de Spark.

    `tables`: los lectores de otros formatos, por su extensión. `encoding`: con qué codificación se lee un
    principio de archivo que no es ASCII, sabiendo lo que dicen su marca o su declaración. `look`: qué corrige de
    lo declarado un principio de archivo sin la cabecera declarada. `lines`: los objetos de un JSON, cada uno en su línea.
    `split`: corta un bloque de texto en registros.
    """

    tables: Mapping[str, Reader] = field(default_factory=dict)
    encoding: Callable[[bytes, str], tuple[str, list[str]]] = lambda _sample, encoding: (encoding, [])
    look: Callable[[bytes, Dialect, Schema], tuple[Dialect, list[str]]] = lambda _sample, dialect, _rows: (dialect, [])
    lines: Callable[[bytes, ByteStream, str], tuple[ByteStream, str]] = as_lines
    split: Split = split


@dataclass(frozen=True)
class Text:
    """Las filas de un archivo declarado, con su cabecera emparejada. `columns`: dónde está cada columna.

    `encoding`, si es de texto; `written`: cómo están separados los campos, si se separan.
    """

    file: Opened
    document: Document
    columns: dict[str, int]
    chunks: Iterator[Chunk]
    encoding: str | None
    written: Dialect | None
    warnings: list[str]


SHORT_YEARS = "los años tienen dos cifras: de 69 a 99 son de 1969 a 1999, y de 00 a 68, de 2000 a 2068"


@contextmanager
def read(source: Source, file: Opened, declared: Declared, reading: Reading) -> Iterator[Text]:
    """El archivo, listo para dar sus filas. Lanza `FileRefused` si no se puede leer o le faltan columnas."""
    rows, dialect = declared.in_file, declared.dialect
    with open_document(source, file, dialect, rows, reading) as (document, encoding, told):
        divert(",".join(document.header).encode())
        columns, unmatched = match_columns(document.header, rows, dialect.header)
        warnings = [*told, *unmatched, *([SHORT_YEARS] if "%y" in dialect.date_format else [])]
        chunks = document.chunks(columns)
        written = document.dialect if isinstance(document, DelimitedFile) else None
        if written is None:  # un texto puede llevar la fecha como se declaró
            chunks = (replace(chunk, also=dialect) for chunk in chunks)
        yield Text(file, document, columns, chunks, encoding, written, warnings)


def divert(start: bytes) -> None:
    """Lanza `Corrected` si el principio de un archivo es el de una cuarentena corregida."""
    if CORRECTED.search(start, 0, HEADER_LIMIT):
        raise Corrected("Es una cuarentena corregida.")


@contextmanager
def open_document(
    source: Source, file: Opened, dialect: Dialect, rows: Schema, reading: Reading
) -> Iterator[tuple[Document, str | None, list[str]]]:
    """El documento; si es de texto, la codificación con que se lee; y los avisos.

    `rows`: lo declarado. En JSON dice qué columnas pueden faltar en las primeras filas.
    Lanza `FileRefused` si el formato no se conoce o el archivo está dañado.
    """
    if source.suffix in reading.tables:
        with reading.tables[source.suffix](source, file) as (document, warnings):
            yield document, None, warnings
        return
    if source.suffix not in (*DELIMITED, *JSON_LINES):
        raise FileRefused(
            f"Formato «{source.suffix or 'sin extensión'}» desconocido.", "Expórtelo como CSV o como JSON lines."
        )
    with decompressed(source, file) as stream:
        sample = read_fully(stream, SAMPLE)
        whole, encoding, warnings = Rewound(sample, stream), marked_encoding(sample, dialect.encoding), []
        if not sample.isascii():
            encoding, warnings = reading.encoding(sample, encoding)
        if source.suffix in JSON_LINES:
            lines, encoding = reading.lines(sample, whole, encoding)
            yield open_json_lines(lines, encoding, rows.optional), encoding, warnings
        else:
            delimiter = "\t" if source.suffix in TABBED else dialect.delimiter
            written = replace(dialect, encoding=encoding, delimiter=delimiter)
            text = Utf8Stream(whole, encoding)
            document, found = _open_delimited(text.read(SAMPLE), text, sample, written, rows, reading)
            yield document, encoding, [*warnings, *found]


def _open_delimited(
    first: bytes, rest: ByteStream, sample: bytes, written: Dialect, rows: Schema, reading: Reading
) -> tuple[DelimitedFile, list[str]]:
    """El archivo delimitado; si su cabecera no es la declarada, como diga `reading.look`, y sus avisos."""
    divert(sample)
    try:
        document = open_delimited(first, rest, written, reading.split)
        match_columns(document.header, rows, written.header)
    except FileRefused:
        looked, warnings = reading.look(sample, written, rows)  # quizá sepa decir por qué
        if looked == written:
            raise
        return open_delimited(first, rest, looked, reading.split), warnings
    return document, []
