"""Libros de Excel: una hoja -> trozos de columnas de texto. `_line` es la fila de la hoja."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from etl.errors import FileRefused
from extras.formats.cells import Odd, odd_cells, place_name
from extras.formats.clock import clock
from extras.formats.disguise import refuse_false_workbook
from extras.formats.sheets import written_sheets
from extras.formats.typed import Row, TypedRows

# Un libro guarda quince cifras de cada número; de las demás pone ceros.
TOO_LONG = 10.0**15
# Bytes que bastan para ver que un libro no lo es.
START = 4096


def worksheet(header: list[str], rows: Iterator[tuple[int, list[Any]]], odd: Odd | None = None) -> TypedRows:
    """Una hoja abierta. `odd`: las celdas sin un valor de verdad, que apartan su fila si su columna se usa."""
    known = odd or {}
    lines = {int(place.lstrip(ascii_uppercase)) for place in known}

    def fault(line: int, _row: Row, used: set[int]) -> tuple[str, str] | None:
        places = [place_name(line, at) for at in sorted(used)] if line in lines else []
        return next((("odd_cell", known[place]) for place in places if place in known), None)

    return TypedRows(header, rows, cell_text, fault)


def open_workbook(path: Path) -> tuple[TypedRows, list[str]]:
    """La primera hoja con algo escrito, y el aviso de que hay otras; la cabecera es su primera fila con algo.

    Lanza `FileRefused` si no se puede leer o todas están vacías.
    """
    names = sheet_names(path)
    sheet = _sheet(_book(path), names[0] if names else None)
    rows = sheet_rows(sheet)
    _, header = next(rows, (0, None))
    if header is None:
        raise FileRefused("La hoja está vacía: no tiene ni cabecera.", "Elija otra hoja o expórtela de nuevo.")
    return worksheet([cell_text(cell) or "" for cell in header], rows, odd_cells(path, sheet.name)), not_read(names)


def not_read(names: list[str]) -> list[str]:
    """El aviso de que de un libro solo se lee una hoja."""
    return [f"solo se carga la hoja «{names[0]}»; las demás no: {', '.join(names[1:])}"] if names[1:] else []


def sheet_names(path: Path) -> list[str]:
    """Las hojas con algo escrito, en su orden. Lanza `FileRefused` si el libro no se puede leer."""
    names = written_sheets(path)
    if names is None:  # se repite aquí lo que falló allí, que ya se sabe que no tumba el proceso
        book = _book(path)
        names = [name for name in book.sheet_names if _sheet(book, name).height]
    return names


def open_sheet(path: Path, sheet: str | None = None) -> CalamineSheet:
    """Una hoja; sin decir cuál, la primera que tenga algo. Lanza `FileRefused` si el libro no se puede leer."""
    sheet = sheet or next(iter(sheet_names(path)), None)  # antes de abrirlo aquí, que lo podría tumbar
    return _sheet(_book(path), sheet)


def sheet_rows(sheet: CalamineSheet, after: int = 0) -> Iterator[tuple[int, list[Any]]]:
    """Las filas con algo escrito, desde la que sigue a `after`, con el número que enseña Excel."""
    return (
        (line, row)
        for line, row in enumerate(sheet.iter_rows(), start=1)
        if line > after and any(cell != "" for cell in row)
    )


def column_kinds(rows: Iterator[tuple[int, list[Any]]]) -> tuple[dict[int, str], list[int]]:
    """La clase de cada columna, si todas sus celdas con algo son de una (`undeclared/formats.py`).

    Y qué columnas llevan números de más cifras que las que un libro guarda.
    """
    seen: dict[int, set[type]] = {}
    rounded: set[int] = set()
    for _, row in rows:
        for at, cell in enumerate(row):
            if cell != "":
                seen.setdefault(at, set()).add(type(cell))
                if type(cell) is float and abs(cell) >= TOO_LONG:
                    rounded.add(at)
    kinds = {at: CLASSES[found.pop()] for at, found in seen.items() if len(found) == 1 and found <= CLASSES.keys()}
    return kinds, sorted(rounded)


def _sheet(book: CalamineWorkbook, name: str | None) -> CalamineSheet:
    try:
        return book.get_sheet_by_name(name) if name else book.get_sheet_by_index(0)
    except CalamineError as error:
        raise FileRefused(f"No se puede leer la hoja: {error}.", "Guarde el libro de nuevo.") from error


def _book(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_object(path)
    except (CalamineError, OSError) as error:
        if isinstance(error, CalamineError):  # se pudo abrir: se puede mirar qué es
            with path.open("rb") as file:
                refuse_false_workbook(file.read(START))
        raise FileRefused(
            f"No es un libro de Excel legible: {error}.", "Ábralo con Excel y guárdelo de nuevo."
        ) from error


CLASSES: dict[type, str] = {
    str: "text",
    float: "number",
    int: "number",
    bool: "bool",
    date: "moment",
    datetime: "moment",
    time: "only_text",
    timedelta: "duration",
}


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
        case timedelta():
            return clock(cell)
        case date() | time():
            return str(cell)
        case _:
            return str(cell).replace("\0", "\ufffd")
