"""Cuántas filas de cabecera tiene una tabla: las que no se parecen a lo que hay debajo.

Entran las filas de la muestra desde donde empieza la tabla; sale cuántas son cabecera, si es seguro
y por qué. Lo usa `header.py`.
"""

import re
from collections import Counter
from itertools import pairwise

from extras.undeclared.detection.cut import EMPTY, MOMENT, NUMBER, TEXT, Record, kind

MAX_HEADER_ROWS = 4
# Nombres que una cabecera lleva y un dato casi nunca: bastan para estar seguro con uno.
_COMMON = re.compile(
    r"(?:id|_id|cod(?:igo)?|nombre|name|apellidos?|fecha|date|hora|time|provincia|municipio|ciudad|pais|"
    r"precio|price|importe|total|cantidad|unidades|valor|value|periodo|ano|mes|dia|year|month|tipo|type|"
    r"descripcion|description|estado|categoria|telefono|email|correo|direccion|sexo|edad|poblacion|"
    r"comentarios?|comments?|url|notas?|calle|lugar|puesto|zona|pais|region|comunidad|grupo|marca|modelo|color|clave|key|texto|text|producto|cliente|venta|mensaje|numero|orden|coordenadas|lat|lon|latitud|longitud|columna|col|campo)"
)
_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[a-z]+[A-Z]\w*")
# Lo que se escribe en vez de un número que no se tiene; nunca es un nombre.
PLACEHOLDER = re.compile(r"[*.:\-–—·?_]+|\(?[a-z]\)|n\.?[dac]\.?|n/[da]|s/?[dc]", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")


def column_types(body: list[tuple[str, ...]], width: int) -> list[str]:
    """La clase de cada columna: la que tienen nueve de cada diez valores no vacíos, o texto."""
    types = []
    for column in range(width):
        kinds = Counter(found for row in body if (found := kind(row[column])) != EMPTY)
        total = sum(kinds.values())
        best, count = kinds.most_common(1)[0] if kinds else (TEXT, 0)
        types.append(best if total and count >= 0.8 * total else TEXT)
    return types


def header_depth(rows: tuple[Record, ...], start: int, width: int, types: list[str]) -> tuple[int, bool, str]:
    """Cuántas filas de cabecera hay, si es seguro y por qué."""
    table = [row for row in rows[start : start + 60] if row.width == width]
    first = table[0].cells or ()
    typed = [index for index, found in enumerate(types) if found in (NUMBER, MOMENT)]
    if len(table) == 1:
        return _lonely_row(first)
    if typed:
        depth = _leading_text_rows(rows, start, width, types, typed)
        if depth:
            return depth, True, "Cabecera: texto encima de columnas de números o fechas."
        if _years_on_top(first, table):
            return 1, True, "Cabecera: años (o números de orden) encima de valores."
        if first[0] == "0" and _in_order(first):
            return 1, False, "Cabecera: los números de orden que escribe pandas (0, 1, 2…)."
        if _in_order(first):
            return 0, False, "Sin cabecera: la primera fila puede ser de números de orden, o de datos."
        return 0, True, "Sin cabecera: la primera fila ya tiene números o fechas como las demás."
    return _text_table(table, first)


def _lonely_row(first: tuple[str, ...]) -> tuple[int, bool, str]:
    if any(kind(cell) in (NUMBER, MOMENT) for cell in first):
        return 0, True, "Sin cabecera: la única fila tiene números o fechas."
    return 1, True, "Cabecera: la única fila es toda de texto."


def _leading_text_rows(rows: tuple[Record, ...], start: int, width: int, types: list[str], typed: list[int]) -> int:
    """Filas hasta la última sin nada del tipo de su columna, si las de encima pueden ser sus grupos."""
    depth = 0
    values_below = sum(
        1 for row in rows[start + 1 :] if row.width == width for at in typed if (row.cells or ())[at].strip()
    )
    for index, row in enumerate(rows[start : start + MAX_HEADER_ROWS]):
        if row.width != width:
            break
        cells = row.cells or ()
        found = [(kind(cells[column]), types[column]) for column in typed if cells[column].strip()]
        fits = sum(1 for seen, wanted in found if seen == wanted)
        names_only = not found and depth == 0 and any(kind(cell) == TEXT for cell in cells)
        if (found and fits * 3 <= len(found)) or names_only or _fills_holes(cells, rows[start], index):
            if index and not _is_second_header(cells, typed, rows[start], values_below):
                break
            depth = index + 1
        elif not _can_be_group(cells, typed):
            break
    return depth


def _is_second_header(cells: tuple[str, ...], typed: list[int], first: Record, values_below: int) -> bool:
    """Una segunda fila de nombres llena los huecos de la primera, o está llena y no se parece a lo de debajo.

    Unos signos de «sin dato» («**», «..») en las columnas de números son de una fila de datos.
    """
    written = [cells[at].strip() for at in typed if cells[at].strip()]
    if written and all(map(PLACEHOLDER.fullmatch, written)):
        return False
    if _fills_holes(cells, first, 1):
        return True
    filled = sum(1 for cell in cells if cell.strip())
    holes = any(not cell.strip() for cell in first.cells or ())
    return filled * 2 >= len(cells) and (values_below >= 6 or (holes and filled == len(cells) and values_below > 0))


def _fills_holes(cells: tuple[str, ...], first: Record, index: int) -> bool:
    """Si está escrita justo en las columnas en que la primera fila no."""
    both = list(zip(cells, first.cells or (), strict=True))
    written = any(one.strip() for one in cells)
    return index == 1 and written and all(bool(one.strip()) != bool(other.strip()) for one, other in both)


def _can_be_group(cells: tuple[str, ...], typed: list[int]) -> bool:
    """Una fila de años o de celdas combinadas puede ir encima de los nombres."""
    values = [cells[column].strip() for column in typed if cells[column].strip()]
    return all(map(_YEAR.fullmatch, values))


def _in_order(cells: tuple[str, ...]) -> bool:
    """«0,1,2» o «1,2,3»: dos números o más, cada uno con uno más que el anterior."""
    digits = len(cells) > 1 and all(cell.isascii() and cell.isdigit() for cell in cells)
    return digits and all(int(b) - int(a) == 1 for a, b in pairwise(cells))


def _years_on_top(first: tuple[str, ...], table: list[Record]) -> bool:
    """`provincia;2021;2022`: una fila de años es una cabecera si debajo no hay años."""
    numbers = [index for index, cell in enumerate(first) if kind(cell) == NUMBER]
    texts = [index for index, cell in enumerate(first) if kind(cell) == TEXT]
    if not numbers or len(numbers) + len(texts) < len(first) - 1:
        return False
    values = [first[index].strip() for index in numbers]
    years = all(map(_YEAR.fullmatch, values))
    if not all(value.isascii() and value.isdigit() for value in values) or not (texts or years):
        return False
    steps = {int(b) - int(a) for a, b in pairwise(values)}
    ordered = steps in ({1}, {-1}) or (len(steps) == 1 and years)
    below = [(row.cells or ())[index].strip() for row in table[1:] for index in numbers]
    years_below = sum(1 for value in below if _YEAR.fullmatch(value))
    if len(numbers) == 1:  # «estado,2021»: un solo año, y debajo ninguno
        return bool(texts) and years and bool(below) and not years_below
    return ordered and years_below * 2 < len(below)


def _text_table(table: list[Record], first: tuple[str, ...]) -> tuple[int, bool, str]:
    """Una tabla toda de texto: cabecera si sus nombres no vuelven a salir y lo parecen."""
    below = [row.cells or () for row in table[1:]]
    repeated = sum(1 for index, cell in enumerate(first) if cell.strip() and any(row[index] == cell for row in below))
    if repeated > 1 and repeated * 2 >= len(first) and len(below) > 2 and first not in below:
        return 0, True, "Sin cabecera: sus valores vuelven a salir más abajo."
    names = [_plain(cell) for cell in first]
    named = sum(1 for cell in first if _COMMON.fullmatch(_plain(cell)) or _SNAKE.fullmatch(cell.strip()))
    if named or (any(name.split(" ")[0] and _COMMON.fullmatch(name.split(" ")[0]) for name in names)):
        return 1, True, "Cabecera: sus textos son nombres de columna."
    if all(cell.isupper() for cell in first if cell.strip()) and not all(
        cell.isupper() for row in below for cell in row if cell.strip()
    ):
        return 1, True, "Cabecera: en mayúsculas, y los datos no."
    return 1, False, "Todo es texto: la primera fila se ha tomado como cabecera."


def _plain(text: str) -> str:
    return text.strip().lower().translate(str.maketrans("áéíóúüñ", "aeiouun")).strip("_:.")
