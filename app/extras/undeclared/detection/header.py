"""Dónde empieza la tabla: preámbulo, cabecera (de una o varias filas) y primera fila de datos.

Entran las filas de la muestra; salen los nombres de las columnas y cuántas líneas ocupa cada
parte. La cabecera se reconoce porque no se parece a lo que hay debajo; si no se ve, se dice.
"""

from dataclasses import dataclass

from extras.undeclared.detection.cut import MOMENT, NUMBER, TEXT, Record, Shape, kind, split, split_loosely
from extras.undeclared.detection.header_rows import MAX_HEADER_ROWS, column_types, header_depth
from extras.undeclared.detection.sniff import DELIMITERS

# Los que cortan una cabecera de solo dos nombres; un espacio puede ser parte de uno.
USUAL = ",;\t|"
UNSURE_HEADER = (
    "No se ve con certeza si la primera fila es la cabecera: se ha tomado como cabecera. "
    "Si son datos, declárelo (header=False)."
)
UNSURE_DATA = "No se ve con certeza que falte la cabecera: la primera fila se ha tomado como datos."


@dataclass(frozen=True)
class Heading:
    """El principio de la tabla: líneas de preámbulo, filas y nombres de la cabecera, y los datos.

    `columns`: los nombres tal como están escritos ("" si no tiene). `unnamed`: las que no tienen y de las que no hay
    nada más que decir: no hay cabecera, o no es tan ancha como las filas.
    """

    preamble_rows: int
    header_rows: int
    columns: tuple[str, ...]
    rows: tuple[Record, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    unnamed: frozenset[int]


def find_heading(rows: tuple[Record, ...], width: int, lines: list[str], shape: Shape) -> Heading:
    """Separa preámbulo, cabecera y datos en las filas de la muestra."""
    if not rows:
        return Heading(0, 0, (), (), (), (), frozenset())
    start = _table_start(rows, width)
    body = _body(rows, start, width)
    types = column_types(body, width)
    depth, sure, reason = header_depth(rows, start, width, types)
    damaged = _damaged_header(rows, start, width, lines, shape) if depth == 0 else None
    if damaged:
        names, note = damaged
        head, data, notes = rows[start - 1 : start], rows[start:], [note]
        reason, sure = "Cabecera: texto justo encima de los datos, aunque no tiene su mismo ancho.", True
    else:
        head, data = rows[start : start + depth], rows[start + depth :]
        names, notes = _joined_names(head, width), []
        if len(head) > 1:
            notes = [f"La cabecera ocupa {len(head)} filas: se han unido en una ({', '.join(names[:4])}…)."]
    unsaid = not head or any(row.width != width for row in head)
    preamble = (head or data)[0].line - 1
    return Heading(
        preamble_rows=preamble,
        header_rows=sum(row.lines for row in head),
        columns=names,
        rows=data,
        reasons=(reason,),
        warnings=(
            *(_preamble_warning(preamble, lines) if preamble else []),
            *notes,
            *([] if sure else [UNSURE_HEADER if depth else UNSURE_DATA]),
        ),
        unnamed=frozenset(at for at, name in enumerate(names) if unsaid and not name),
    )


def _preamble_warning(preamble: int, lines: list[str]) -> list[str]:
    texts = [line.strip() for line in lines[:preamble] if line.strip()]
    if not texts:
        return []
    return [f"Líneas antes de la cabecera, que se saltan: {preamble}. La primera dice «{texts[0][:60]}»."]


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
        if filled > max(1, width // 4) or _is_group(row, rows[index + 1 : index + 2], width):
            return index if index - start < len(rows) - 1 else start
    return start


def _is_group(row: Record, following: tuple[Record, ...], width: int) -> bool:
    """Unos nombres de grupo («Viajes,,,Otros») sobre los de las columnas; un título solo llena la primera celda."""
    cells = row.cells or ()
    below = (following[0].cells or ()) if following and following[0].width == width else ()
    names = sum(1 for cell in cells if kind(cell) == TEXT)
    spread = names > 1 or (names == 1 and not cells[0].strip())
    return spread and sum(1 for cell in below if kind(cell) == TEXT) > width // 2


def _body(rows: tuple[Record, ...], start: int, width: int) -> list[tuple[str, ...]]:
    """Las filas que con seguridad son datos: las de ancho justo, sin las primeras si hay bastantes."""
    fitting = [row.cells or () for row in rows[start:] if row.width == width]
    return fitting[min(MAX_HEADER_ROWS, len(fitting) // 2) :]


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
    if others := _split_otherwise(line, width, shape):
        return others, "La cabecera va separada de otra manera que las filas: se ha cortado por su separador."
    if _row_names(names, rows[start:], width):
        note = "La cabecera tiene un nombre menos que las filas: se ha tomado la primera columna por el nombre de cada fila."
        return ("", *names), note
    if abs(len(names) - width) <= max(1, width // 4) and len(names) > 1:
        return (names + ("",) * width)[:width], (
            f"La cabecera tiene {len(names)} nombres y las filas {width} valores: se ha leído tal cual; "
            "revise qué nombre lleva cada columna."
        )
    return None


def _split_otherwise(line: str, width: int, shape: Shape) -> tuple[str, ...] | None:
    """Los nombres de la línea, cortada por otro separador que da justo tantos como columnas hay."""
    marks = [mark for mark in DELIMITERS if mark != shape.delimiter and (width > 2 or mark in USUAL)]
    others = (Shape(mark, shape.quote, shape.escape) for mark in marks)
    found = ((split(line, other) or ((), 0))[0] for other in others)
    return next((tuple(map(str.strip, names)) for names in found if len(names) == width and all(names)), None)


def _row_names(names: tuple[str, ...], data: tuple[Record, ...], width: int) -> bool:
    """Si falta el nombre de la primera columna, como en lo que escribe R: identifica las filas."""
    rows = [row.cells or () for row in data if row.width == width]
    firsts = [cells[0] for cells in rows]
    return len(names) == width - 1 and len(set(firsts)) == len(firsts) and any(cells[-1].strip() for cells in rows)


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
