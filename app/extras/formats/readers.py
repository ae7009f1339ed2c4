"""Los lectores de los formatos con estructura propia, por la extensión del archivo, y los que no se leen.

Sus bibliotecas solo se cargan al abrir uno.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from etl.extract.read import SAMPLE, Document, Reader
from etl.extract.source import Opened, Source, decompressed
from extras.formats.archives import SQLITE
from extras.formats.foreign import SUFFIXES, refuse_format

PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


@contextmanager
def whole(source: Source, file: Opened) -> Iterator[Path]:
    """Un archivo que se puede leer a saltos; lo comprimido se extrae a uno temporal."""
    if source.unpack is None:
        yield source.path
        return
    with tempfile.TemporaryDirectory(prefix="etl-") as folder, decompressed(source, file) as stream:
        path = Path(folder) / f"datos{source.suffix}"
        with path.open("wb") as unpacked:
            while data := stream.read(SAMPLE):
                unpacked.write(data)
        yield path


@contextmanager
def read_parquet(source: Source, file: Opened) -> Iterator[tuple[Document, list[str]]]:
    """Un archivo Parquet."""
    from extras.formats.parquet import open_parquet

    with whole(source, file) as path:
        document = open_parquet(path)
        document.progress = file
        yield document, document.warnings


@contextmanager
def read_excel(source: Source, file: Opened) -> Iterator[tuple[Document, list[str]]]:
    """La primera hoja con algo escrito de un libro."""
    from extras.formats.excel import open_workbook

    with whole(source, file) as path:
        yield open_workbook(path)


def refuse(source: Source, _file: Opened) -> NoReturn:
    """Un formato que no se lee: dice qué hacer con él."""
    refuse_format(source.suffix)


__all__ = ["EXCEL", "PARQUET", "SQLITE", "TABLES", "refuse_format"]

TABLES: dict[str, Reader] = {
    **dict.fromkeys(PARQUET, read_parquet),
    **dict.fromkeys(EXCEL, read_excel),
    **dict.fromkeys(SUFFIXES, refuse),
}
