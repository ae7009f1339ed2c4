"""Elige el lector de cada formato por la extensión del nombre, ya sin compresión."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Protocol

from etl.chunk import Chunk
from etl.dialect import Dialect
from etl.extract.delimited import DelimitedFile, open_delimited
from etl.extract.detection.charset import mojibake
from etl.extract.disguise import refuse_disguised
from etl.extract.encoding import ByteStream, effective_encoding
from etl.extract.foreign import refuse_format
from etl.extract.preamble import lines_above_header, preamble_warning
from etl.extract.source import Opened, Source, decompressed
from etl.schema import Schema

# En estos el separador lo dice el nombre; en los demás, la declaración.
TABBED = (".tsv", ".tab")
DELIMITED = (".csv", ".psv", ".txt", ".dat", *TABBED)
JSON_LINES = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
# Basta para la marca (BOM) y para ver si los acentos son de UTF-8 o de Latin-1.
SAMPLE = 1 << 20
ANY_COLUMNS = Schema(())


class Document(Protocol):
    """Un archivo abierto: sus columnas, y sus filas cuando se piden."""

    @property
    def header(self) -> list[str]: ...

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]: ...


@contextmanager
def open_document(
    source: Source, file: Opened, dialect: Dialect, schema: Schema = ANY_COLUMNS
) -> Iterator[tuple[Document, str | None, list[str]]]:
    """El documento; si es de texto, la codificación con que se lee; y los avisos.

    `schema`: lo declarado. En JSON dice qué columnas pueden faltar en las primeras filas; en un archivo
    delimitado, qué cabecera se busca si encima hay otras líneas.
    Lanza `FileRefused` si el formato no se conoce o el archivo está dañado.
    """
    if source.suffix in PARQUET or source.suffix in EXCEL:
        with _whole(source, file) as workbook:
            document, warnings = _workbook(source.suffix, workbook)
            yield document, None, warnings
        return
    if source.suffix not in DELIMITED and source.suffix not in JSON_LINES:
        refuse_format(source.suffix)
    with decompressed(source, file) as stream:
        sample = read_fully(stream, SAMPLE)
        encoding = effective_encoding(sample, dialect.encoding)
        whole, warnings = Rewound(sample, stream), mojibake(sample, encoding)
        if source.suffix in JSON_LINES:
            from etl.extract.jsonl import open_json_lines

            yield open_json_lines(whole, encoding, schema.optional), encoding, warnings
        else:
            refuse_disguised(sample)
            delimiter = "\t" if source.suffix in TABBED else dialect.delimiter
            written = replace(dialect, encoding=encoding, delimiter=delimiter)
            if above := lines_above_header(sample, written, schema):
                written = replace(written, preamble_rows=dialect.preamble_rows + above)
                warnings = [*warnings, preamble_warning(above, dialect.preamble_rows)]
            yield open_delimited(whole, written), encoding, warnings


@contextmanager
def _whole(source: Source, file: Opened) -> Iterator[Path | IO[bytes]]:
    """Un archivo que se puede leer a saltos; lo comprimido se extrae a uno temporal, sin nombre."""
    if not source.packed:
        yield source.path
        return
    with tempfile.TemporaryFile() as unpacked, decompressed(source, file) as stream:
        while data := stream.read(SAMPLE):
            unpacked.write(data)
        unpacked.seek(0)
        yield unpacked


def _workbook(suffix: str, file: Path | IO[bytes]) -> tuple[Document, list[str]]:
    """Los formatos que no se leen en orden, y sus avisos; sus librerías solo se cargan si hacen falta."""
    if suffix in PARQUET:
        from etl.extract.parquet import open_parquet

        opened_file = open_parquet(file)
        return opened_file, opened_file.warnings
    from etl.extract.excel import open_workbook

    return open_workbook(file)


def written_as(document: Document) -> Dialect | None:
    """Cómo estaban separados los campos; nada en los formatos que no los separan."""
    return document.dialect if isinstance(document, DelimitedFile) else None


class Rewound:
    """Una fuente a la que se le devuelve lo que ya se leyó de ella para mirarlo."""

    def __init__(self, seen: bytes, rest: ByteStream) -> None:
        self._seen = seen
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        if not self._seen:
            return read_fully(self._rest, size)
        data, self._seen = self._seen[:size], self._seen[size:]
        return data


def read_fully(stream: ByteStream, size: int) -> bytes:
    """`size` bytes, o menos solo al final: un descompresor puede dar menos de lo que se le pide."""
    pieces: list[bytes] = []
    while size > 0 and (data := stream.read(size)):
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)
