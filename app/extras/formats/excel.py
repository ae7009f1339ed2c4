"""Libros de Excel: una hoja -> trozos de columnas de texto. `_line` es la fila de la hoja."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from etl.chunk import Chunk
from etl.dialect import ISO
from etl.errors import FileRefused
from extras.formats.disguise import refuse_false_workbook
from extras.formats.sheets import written_sheets

ROWS = 20_000
# Bytes que bastan para ver que un libro no lo es.
START = 4096


@dataclass
class Worksheet:
    """Una hoja abierta; la cabecera es su primera fila con algo escrito."""

    header: list[str]
    rows: Iterator[tuple[int, list[Any]]]

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos; las filas vacías no cuentan."""
        while batch := list(islice(self.rows, ROWS)):
            table = pa.table(
                {
                    name: pa.array([cell_text(row[position]) for _, row in batch], pa.string())
                    for name, position in columns.items()
                }
            )
            texts = [json.dumps([cell_text(cell) for cell in row], ensure_ascii=False) for _, row in batch]
            yield Chunk(table, pa.array([line for line, _ in batch], pa.int64()), texts.__getitem__, ISO)


def open_workbook(file: Path | IO[bytes]) -> tuple[Worksheet, list[str]]:
    """La primera hoja con algo escrito, y el aviso de que hay otras.

    Lanza `FileRefused` si no se puede leer o todas están vacías.
    """
    names = sheet_names(file)
    book = _book(file)
    rows = _rows(_sheet(book, names[0] if names else None))
    try:
        _, header = next(rows)
    except StopIteration:
        raise FileRefused(
            "La hoja está vacía: no tiene ni cabecera.", "Elija otra hoja o expórtela de nuevo."
        ) from None
    warnings = (
        [f"solo se carga la hoja «{names[0]}»; las demás no: {', '.join(names[1:])}"] if names[1:] else []
    )
    return Worksheet([cell_text(cell) or "" for cell in header], rows), warnings


def sheet_names(file: Path | IO[bytes]) -> list[str]:
    """Las hojas con algo escrito, en su orden. Lanza `FileRefused` si el libro no se puede leer."""
    names = written_sheets(file)
    if names is None:  # se repite aquí lo que falló allí, que ya se sabe que no tumba el proceso
        book = _book(file)
        names = [name for name in book.sheet_names if _sheet(book, name).height]
    return names


def sheet_rows(path: Path, sheet: str | None = None) -> Iterator[tuple[int, list[Any]]]:
    """Las filas con algo escrito de una hoja, con su número; sin decir cuál, de la primera que tenga algo.

    Lanza `FileRefused` si el libro no se puede leer.
    """
    sheet = sheet or next(iter(sheet_names(path)), None)
    return _rows(_sheet(_book(path), sheet))


def _rows(found: CalamineSheet) -> Iterator[tuple[int, list[Any]]]:
    first = found.start[0] if found.start else 0
    return (
        (line, row)
        for line, row in enumerate(found.iter_rows(), start=first + 1)
        if any(cell != "" for cell in row)
    )


def _sheet(book: CalamineWorkbook, name: str | None) -> CalamineSheet:
    try:
        return book.get_sheet_by_name(name) if name else book.get_sheet_by_index(0)
    except CalamineError as error:
        raise FileRefused(f"No se puede leer la hoja: {error}.", "Guarde el libro de nuevo.") from error


def _book(file: Path | IO[bytes]) -> CalamineWorkbook:
    if not isinstance(file, Path):
        file.seek(0)
    try:
        return CalamineWorkbook.from_object(file)
    except (CalamineError, OSError) as error:
        if isinstance(error, CalamineError):  # se pudo abrir: se puede mirar qué es
            refuse_false_workbook(_start(file))
        raise FileRefused(
            f"No es un libro de Excel legible: {error}.", "Ábralo con Excel y guárdelo de nuevo."
        ) from error


def _start(file: Path | IO[bytes]) -> bytes:
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return opened.read(START)
    file.seek(0)
    return file.read(START)


def cell_text(cell: Any) -> str | None:
    """El valor de una celda como lo escribiría un CSV en ISO; las celdas vacías no tienen valor."""
    match cell:
        case "":
            return None
        case bool():
            return "true" if cell else "false"
        case float():
            # Excel guarda todo número como real: 3.0 se escribió como 3.
            return str(int(cell)) if cell.is_integer() else repr(cell)
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime():
            return cell.isoformat(sep=" ")
        case date() | time() | timedelta():
            return str(cell)
        case _:
            return str(cell).replace("\0", "\ufffd")
