"""Dónde empieza la tabla: preámbulo, cabecera (de una o varias filas) y primera fila de datos.

Entran las filas de la muestra; salen los nombres de las columnas y cuántas líneas ocupa cada
parte. La cabecera se reconoce porque no se parece a lo que hay debajo; si no se ve, se dice.
"""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from etl.extract.sniff import DELIMITERS, Record, Shape, split, split_loosely
from etl.extract.values import EMPTY, MOMENT, NUMBER, TEXT, kind

MAX_HEADER_ROWS = 4
# Nombres que una cabecera lleva y un dato casi nunca: bastan para estar seguro con uno.
_COMMON = re.compile(
    r"(?:id|_id|cod(?:igo)?|nombre|name|apellidos?|fecha|date|hora|time|provincia|municipio|ciudad|pais|"
    r"precio|price|importe|total|cantidad|unidades|valor|value|periodo|ano|mes|dia|year|month|tipo|type|"
    r"descripcion|description|estado|categoria|telefono|email|correo|direccion|sexo|edad|poblacion|"
    r"comentarios?|comments?|url|notas?|calle|lugar|puesto|zona|pais|region|comunidad|grupo|marca|modelo|color|clave|key|texto|text|producto|cliente|venta|mensaje|numero|orden|coordenadas|lat|lon|latitud|longitud|columna|col|campo)"
)
_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[a-z]+[A-Z]\w*")
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True)
class Heading:
    """El principio de la tabla: líneas de preámbulo, filas y nombres de la cabecera, y los datos."""

    preamble_rows: int
    header_rows: int
    columns: tuple[str, ...]
    rows: tuple[Record, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    unnamed: frozenset[int] = frozenset()


def find_heading(rows: tuple[Record, ...], width: int, lines: list[str], shape: Shape) -> Heading:
    """Separa preámbulo, cabecera y datos en las filas de la muestra."""
    if not rows:
        return Heading(0, 0, (), (), (), ())
    start = _table_start(rows, width)
    body = _body(rows, start, width)
    types = column_types(body, width)
    depth, sure, reason = _header_depth(rows, start, width, types)
    damaged = _damaged_header(rows, start, width, lines, shape) if depth == 0 else None
    if damaged:
        names, note = damaged
        head, data, notes = rows[start - 1 : start], rows[start:], [note]
        reason, sure = "Cabecera: texto justo encima de los datos, aunque no tiene su mismo ancho.", True
    else:
        head, data = rows[start : start + depth], rows[start + depth :]
        names, notes = _joined_names(head, width), _header_notes(head, width)
    unnamed = _unnamed(names, head, data, width)
    preamble = (head or data)[0].line - 1
    return Heading(
        preamble_rows=preamble,
        header_rows=sum(row.lines for row in head),
        columns=names,
        rows=data,
        reasons=(reason,),
        warnings=(
            *_preamble_warning(preamble, lines),
            *notes,
            *([] if sure else [_unsure(depth > 0)]),
            *([] if damaged or names[-1] else _empty_tail_warning(body, width)),
        ),
        unnamed=unnamed,
    )


def _header_notes(head: tuple[Record, ...], width: int) -> list[str]:
    names = _joined_names(head, width)
    notes = []
    if len(head) > 1:
        notes.append(f"La cabecera ocupa {len(head)} filas: se han unido en una ({', '.join(names[:4])}…).")
    return notes


def _unnamed(
    names: tuple[str, ...], head: tuple[Record, ...], data: tuple[Record, ...], width: int
) -> frozenset[int]:
    """Las columnas sin nombre que son culpa de las filas o del separador final, no de la cabecera."""
    if not head:
        return frozenset(range(width))
    if any(row.width != width for row in head):
        return frozenset(index for index, name in enumerate(names) if not name)
    last_empty = all(not (row.cells or ("",))[-1] for row in data if row.width == width)
    return frozenset({width - 1}) if not names[-1] and last_empty else frozenset()


def _empty_tail_warning(body: list[tuple[str, ...]], width: int) -> list[str]:
    if width < 2 or not body or any(cells[-1] for cells in body):
        return []
    return ["Todas las filas acaban en separador: la última columna está vacía en la muestra."]


def _unsure(header: bool) -> str:
    if header:
        return (
            "No se ve con certeza si la primera fila es la cabecera: se ha tomado como cabecera. "
            "Si son datos, declárelo (header=False)."
        )
    return "No se ve con certeza que falte la cabecera: la primera fila se ha tomado como datos."


def _preamble_warning(preamble: int, lines: list[str]) -> list[str]:
    texts = [line.strip() for line in lines[:preamble] if line.strip()]
    if not texts or (len(texts) == 1 and texts[0].strip('"').lower().startswith("sep=")):
        return []
    return [f"Se saltan {preamble} líneas antes de la cabecera; la primera dice «{texts[0][:60]}»."]


def _table_start(rows: tuple[Record, ...], width: int) -> int:
    """La primera fila de la tabla: el ancho de la mayoría, y no una línea de título con huecos."""
    start = next((index for index, row in enumerate(rows) if row.width == width), 0)
    if width < 3:
        return start
    for index in range(start, min(len(rows), start + 40)):
        row = rows[index]
        if row.width != width:
            continue
        filled = sum(1 for cell in row.cells or () if cell.strip())
        if filled > max(1, width // 4):
            return index if index - start < len(rows) - 1 else start
        if index + 1 >= len(rows):
            break
    return start


def _body(rows: tuple[Record, ...], start: int, width: int) -> list[tuple[str, ...]]:
    """Las filas que con seguridad son datos: las de ancho justo, sin las primeras si hay bastantes."""
    fitting = [row.cells or () for row in rows[start:] if row.width == width]
    skip = MAX_HEADER_ROWS if len(fitting) > 3 * MAX_HEADER_ROWS else 1 if len(fitting) > 1 else 0
    if 4 <= len(fitting) <= 3 * MAX_HEADER_ROWS:
        skip = min(MAX_HEADER_ROWS, len(fitting) // 2)
    return fitting[skip:]


def column_types(body: list[tuple[str, ...]], width: int) -> list[str]:
    """La clase de cada columna: la que tienen nueve de cada diez valores no vacíos, o texto."""
    types = []
    for column in range(width):
        kinds = Counter(found for row in body if (found := kind(row[column])) != EMPTY)
        total = sum(kinds.values())
        best, count = kinds.most_common(1)[0] if kinds else (TEXT, 0)
        types.append(best if total and count >= 0.8 * total else TEXT)
    return types


def _header_depth(
    rows: tuple[Record, ...], start: int, width: int, types: list[str]
) -> tuple[int, bool, str]:
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
    kinds = [kind(cell) for cell in first]
    if any(found in (NUMBER, MOMENT) for found in kinds):
        return 0, True, "Sin cabecera: la única fila tiene números o fechas."
    return 1, True, "Cabecera: la única fila es toda de texto."


def _leading_text_rows(
    rows: tuple[Record, ...], start: int, width: int, types: list[str], typed: list[int]
) -> int:
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
        if (found and fits * 3 <= len(found)) or names_only:
            if index and not _is_second_header(cells, values_below):
                break
            depth = index + 1
        elif not _can_be_group(cells, typed):
            break
    return depth


def _is_second_header(cells: tuple[str, ...], values_below: int) -> bool:
    """Una segunda fila de nombres está llena, y debajo hay bastantes valores que no se le parecen."""
    filled = sum(1 for cell in cells if cell.strip())
    return filled * 2 >= len(cells) and values_below >= 6


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
    if len(numbers) < 2 or len(numbers) + len(texts) < len(first) - 1:
        return False
    values = [first[index].strip() for index in numbers]
    years = all(map(_YEAR.fullmatch, values))
    if not all(value.isascii() and value.isdigit() for value in values) or not (texts or years):
        return False
    steps = {int(b) - int(a) for a, b in pairwise(values)}
    ordered = steps in ({1}, {-1}) or (len(steps) == 1 and years)
    below = [(row.cells or ())[index].strip() for row in table[1:] for index in numbers]
    years_below = sum(1 for value in below if _YEAR.fullmatch(value))
    return ordered and years_below * 2 < len(below)


def _text_table(table: list[Record], first: tuple[str, ...]) -> tuple[int, bool, str]:
    """Una tabla toda de texto: cabecera si sus nombres no vuelven a salir y lo parecen."""
    below = [row.cells or () for row in table[1:]]
    repeated = sum(
        1 for index, cell in enumerate(first) if cell.strip() and any(row[index] == cell for row in below)
    )
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


def _damaged_header(
    rows: tuple[Record, ...], start: int, width: int, lines: list[str], shape: Shape
) -> tuple[tuple[str, ...], str] | None:
    """La fila justo encima de los datos, si es una cabecera con un valor de más o de menos."""
    if start == 0 or width < 2:
        return None
    line = lines[rows[start - 1].line - 1]
    if rows[start - 1].line + rows[start - 1].lines != rows[start].line:
        return None
    names = rows[start - 1].cells or split_loosely(line, shape)
    if any(kind(name) in (NUMBER, MOMENT) for name in names):
        return None
    if len(names) > width and len(full := tuple(name for name in names if name.strip())) == width:
        return full, f"La cabecera tiene {len(names)} nombres y las filas {width}: se quitan los vacíos."
    if len(names) == width and rows[start - 1].cells is None:
        return names, "La cabecera tiene comillas mal puestas: se ha leído tal cual."
    if abs(len(names) - width) <= max(1, width // 4) and len(names) > 1:
        return (names + ("",) * width)[:width], (
            f"La cabecera tiene {len(names)} nombres y las filas {width} valores: se ha leído tal cual; "
            "revise qué nombre lleva cada columna."
        )
    if _split_otherwise(line, width, shape):
        return ((line,) + ("",) * width)[:width], (
            "La cabecera va separada de otra manera que las filas: se ha leído tal cual."
        )
    return None


def _split_otherwise(line: str, width: int, shape: Shape) -> bool:
    """Dice si la línea, cortada por otro separador, tiene tantos nombres como columnas hay."""
    if width < 3:
        return False
    others = (Shape(other, shape.quote, shape.escape) for other in DELIMITERS if other != shape.delimiter)
    return any(len((split(line, other) or ((),))[0]) == width for other in others)


def _joined_names(head: tuple[Record, ...], width: int) -> tuple[str, ...]:
    """Un nombre por columna; con varias filas, se unen y los huecos de la de arriba se rellenan."""
    if not head:
        return ("",) * width
    layers = [[cell.strip() for cell in row.cells or ()] for row in head]
    for layer in layers[:-1]:
        for index in range(1, width):
            if not layer[index] and layers[-1][index] and layer[index - 1] and layers[-1][index - 1]:
                layer[index] = layer[index - 1]
    return tuple(" ".join(layer[index] for layer in layers if layer[index]) for index in range(width))
