"""Las celdas de un libro que no llevan un valor de verdad: errores, fórmulas sin calcular, celdas combinadas.

La biblioteca que lee los libros las da vacías, y una celda con un error no está vacía. Se buscan en el XML de la hoja,
y solo en .xlsx y .xlsm: en los demás formatos no se distinguen.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from python_calamine import CalamineSheet

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
ERROR, FORMULA = "un error", "una fórmula sin calcular"
SAVE = "Ábralo con Excel y guárdelo: así se calculan."
SHOWN = 5

# Lo que hay en cada celda («B3»), en el orden de la hoja.
Odd = dict[str, str]


def odd_cells(path: Path, sheet: str) -> Odd:
    """Las celdas con un error o con una fórmula que nunca se calculó; ninguna, si no es un .xlsx."""
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as book:
            name = _part(book, sheet)
            with book.open(name) as part:
                if not _has_marks(part):
                    return {}
            with book.open(name) as part:
                return dict(_found(part))
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile):
        return {}


def _part(book: zipfile.ZipFile, sheet: str) -> str:
    """El archivo de una hoja, por su nombre. Lanza `KeyError` si no está."""
    with book.open("xl/workbook.xml") as listed:
        found = ElementTree.parse(listed).iter(f"{MAIN}sheet")
        sheets = {one.get("name"): one.get(RELATION) for one in found}
    with book.open("xl/_rels/workbook.xml.rels") as listed:
        targets = {one.get("Id"): str(one.get("Target")) for one in ElementTree.parse(listed).getroot()}
    target = targets[sheets[sheet]]
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _has_marks(part: IO[bytes]) -> bool:
    """Si hay algo que buscar: entender el XML entero tarda mucho más que pasar por él."""
    last = b""
    while block := part.read(1 << 20):
        if any(mark in last + block for mark in (b"<f", b't="e"')):
            return True
        last = block[-8:]
    return False


def _found(part: IO[bytes]) -> Iterator[tuple[str, str]]:
    for _, row in ElementTree.iterparse(part):
        if row.tag != f"{MAIN}row":
            continue
        for cell in row:
            value, formula = cell.find(f"{MAIN}v"), cell.find(f"{MAIN}f")
            empty = value is None or not value.text
            if cell.get("t") == "e":
                yield str(cell.get("r")), ERROR
            elif formula is not None and empty and cell.find(f"{MAIN}is") is None and cell.get("t") != "str":
                yield str(cell.get("r")), FORMULA
        row.clear()


def place_name(row: int, column: int) -> str:
    """«B3»: la fila desde 1 y la columna desde 0."""
    letters, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"


def odd_warnings(odd: Odd) -> list[str]:
    """Cuántas celdas se quedan sin valor, y cuál es la primera."""
    told = []
    for what, cure in ((ERROR, "Corríjalas en el libro."), (FORMULA, SAVE)):
        places = [place for place, found in odd.items() if found == what]
        if places:
            told.append(f"Celdas con {what}, que quedan sin valor: {len(places)} (la primera, {places[0]}). {cure}")
    return told


def merged_warning(sheet: CalamineSheet, after: int) -> list[str]:
    """Las celdas combinadas bajo la cabecera: solo la primera de cada grupo lleva el valor."""
    ranges = [
        f"{place_name(top + 1, left)}:{place_name(bottom + 1, right)}"
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
        if bottom >= after
    ]
    if not ranges:
        return []
    more = f" y {len(ranges) - SHOWN} más" if len(ranges) > SHOWN else ""
    return [f"Celdas combinadas: {', '.join(ranges[:SHOWN])}{more}. Solo la primera de cada grupo lleva el valor."]
