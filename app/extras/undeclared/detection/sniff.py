"""Averigua separador, comillas y escape: prueba las combinaciones y puntúa las tablas que salen.

Entran las líneas de la muestra, que corta `cut.py`; sale la mejor combinación con sus filas y su puntuación.
Una combinación vale más cuantas más filas tengan el mismo ancho, cuanto mejor formadas estén
sus comillas y cuanto más parezcan sus valores valores enteros. Figuras en `docs/deteccion.md`.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby

from extras.undeclared.detection.cut import Record, Shape, plausibility, records

# Cuánto se confía en cada separador a igualdad de lo demás: los raros tienen que merecerlo.
DELIMITERS = {
    ",": 1.0, ";": 1.0, "\t": 1.0, "|": 0.98, "||": 0.97, "::": 0.8, "\x01": 0.95, "\x1f": 0.95,
    "~": 0.85, "^": 0.85, "¬": 0.9, "§": 0.85, "¦": 0.9, "#": 0.6, "&": 0.5, "*": 0.5, "!": 0.5,
    ":": 0.55, " ": 0.5, "/": 0.3, "-": 0.2, "_": 0.2, "=": 0.4,
}  # fmt: skip
# Los que van dentro de una hora o de una fecha: si casi cada línea lleva una, no separan nada.
INSIDE = {
    ":": re.compile(r"(?<!\d)\d{1,2}:\d{2}(?!\d)"),
    "-": re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)|(?<!\d)\d{1,2}-\d{1,2}-\d{2,4}(?!\d)"),
    "/": re.compile(r"(?<!\d)\d{4}/\d{1,2}/\d{1,2}(?!\d)|(?<!\d)\d{1,2}/\d{1,2}/\d{2,4}(?!\d)"),
}
# Un separador de menos confianza que esta necesita tres filas iguales, y desde la primera línea.
TRUSTED = 0.9
# Filas y valores que se miran: más no cambian la media.
SCORED_ROWS, SCORED_CELLS = 150, 4000


@dataclass(frozen=True)
class Guess:
    """Una combinación, las filas que da, su ancho más común y su puntuación.

    `fitting`: cuáles de las filas tienen ese ancho.
    """

    shape: Shape
    records: tuple[Record, ...]
    width: int
    fitting: list[int]
    score: float


def shapes(text: str, given: str | None = None) -> list[Shape]:
    """Las combinaciones que tienen sentido para este texto; `given` fija el separador."""
    found = []
    for delimiter in [given] if given else DELIMITERS:
        if delimiter not in text or (not given and delimiter in INSIDE and _is_inside_moments(delimiter, text)):
            continue
        quotes = _quotes(text, delimiter)
        # «a, b, c», o columnas alineadas con varios espacios.
        spaced = "  " in text if delimiter == " " else delimiter in ",;|" and f"{delimiter} " in text
        for quote in quotes:
            escapes: list[str | None] = [None]
            if (quote and f"\\{quote}" in text) or f"\\{delimiter}" in text:
                escapes.append("\\")
            for escape in escapes:
                if spaced:  # antes: a igual puntuación, el espacio es parte de cómo se separa
                    found.append(Shape(delimiter, quote, escape, True))
                found.append(Shape(delimiter, quote, escape))
    return found


def _is_inside_moments(delimiter: str, text: str) -> bool:
    lines = [line for line in text.split("\n") if delimiter in line]
    return sum(1 for line in lines if INSIDE[delimiter].search(line)) * 2 > len(lines)


def _quotes(text: str, delimiter: str) -> list[str | None]:
    """Las comillas que pueden envolver valores; sin ninguna a la vista, las dobles: son la norma."""
    found: list[str | None] = ['"']
    mark = re.escape(delimiter)
    if "'" in text and re.search(rf"(?:^|\n|{mark} ?)'(?:[^'\n]|'')+'(?:$|\n|{mark})", text):
        found.append("'")
    return [*found, None] if '"' in text else found


def best_guess(lines: list[str], given: str | None = None) -> Guess | None:
    """La combinación de más puntuación; `None` si ninguna da una tabla de dos columnas o más."""
    best: Guess | None = None
    for delimiter, some in groupby(shapes("\n".join(lines), given), key=lambda shape: shape.delimiter):
        if best and DELIMITERS.get(delimiter, 1.0) <= best.score:
            continue  # ninguna de las suyas puede valer más
        guesses = {shape: guess for shape in some if (guess := _scored(lines, shape)) is not None}
        explained = [guess for guess in guesses.values() if not _leaves_rows_out(guess, guesses)]
        best = max([best, *explained] if best else explained, key=lambda guess: guess.score, default=None)
    return best


def _leaves_rows_out(guess: Guess, guesses: dict[Shape, Guess]) -> bool:
    """Un apóstrofo o una barra que dejan fuera filas que sin ellos encajan son texto, no comillas ni escapes."""
    plain = guesses.get(replace(guess.shape, quote='"', escape=None))
    wrapped = sum(1 for row in guess.records if row.quoted) if guess.shape.quote == "'" else 0
    return plain is not None and plain.width == guess.width and len(plain.fitting) > len(guess.fitting) + wrapped


def _scored(lines: list[str], shape: Shape) -> Guess | None:
    rows = records(lines, shape)
    if shape.skip_space and shape.delimiter != " " and not _always_spaced(lines, rows, shape):
        return None
    widths = Counter(row.width for row in rows if row.width > 1)
    explained = _explained_quotes(lines, rows, shape)
    best: Guess | None = None
    for width, _ in widths.most_common(3):
        fitting = [index for index, row in enumerate(rows) if row.width == width]
        guess = Guess(shape, tuple(rows), width, fitting, _score(rows, width, fitting, shape) * explained)
        if best is None or _is_better(guess, best):
            best = guess
    return best


def _is_better(guess: Guess, best: Guess) -> bool:
    """Entre dos anchos: con dos tablas seguidas en el archivo, la primera es la buena."""
    first, last = guess.fitting[0], guess.fitting[-1]
    other_first, other_last = best.fitting[0], best.fitting[-1]
    if last < other_first and last - first >= 4:
        return guess.score > 0.4 * best.score
    if other_last < first and other_last - other_first >= 4:
        return guess.score * 0.4 > best.score
    return guess.score > best.score


def _explained_quotes(lines: list[str], rows: list[Record], shape: Shape) -> float:
    """Qué parte de las comillas del texto envuelve valores: cortar por dentro de unas es mala señal."""
    total = sum(line.count('"') - 2 * line.count('""') for line in lines)
    if total <= 0 or (shape.quote == "'" and any(row.quoted for row in rows)):
        return 1.0
    if shape.quote is None:
        return _stray_everywhere(lines)
    wrapping = 2 * sum(row.quoted for row in rows) if shape.quote == '"' else 0
    return 0.25 + 0.75 * min(1.0, wrapping / total)


def _stray_everywhere(lines: list[str]) -> float:
    """Un archivo sin comillas que envuelvan tiene comillas sueltas («15" LED») en muchas filas."""
    stray = sum(1 for line in lines if re.search(r'[^\s,;|\t]"[^\s,;|\t"]|\w" ', line))
    wrapped = sum(1 for line in lines if re.search(r'(?:^|[,;|\t])"[^"]*"(?:[,;|\t]|$)', line))
    return 0.95 if stray >= 3 and stray > 0.3 * len(lines) and not wrapped else 0.1


def _score(rows: list[Record], width: int, fitting: list[int], shape: Shape) -> float:
    """Regularidad del ancho, por valores creíbles, por confianza en el separador."""
    count = len(fitting)
    region = rows[fitting[0] : fitting[-1] + 1]
    regular = count / len(region)
    covered = sum(row.lines for row in region) / sum(row.lines for row in rows)
    sample = [rows[index] for index in fitting[:SCORED_ROWS]]
    cells = [cell for row in sample for cell in row.cells or ()][:SCORED_CELLS]
    worth = sum(plausibility(cell, shape.delimiter) for cell in cells) / len(cells)
    trust = DELIMITERS.get(shape.delimiter, 1.0)
    score: float = regular**2 * covered**0.5 * worth**2 * (1 - 0.6 / width) * trust
    if fitting[0] > 0 and not (len(rows) > 1 and abs(rows[0].width - width) == 1 and width > 2):
        score *= 0.5  # la primera línea no encaja: preámbulo, o separador equivocado
    if count == 1 and len(rows) > 2:
        score *= 0.5  # solo encaja una línea: quizá una cabecera cortada de otra manera que las filas
    if trust < TRUSTED and not (
        fitting[0] == 0 and count >= 3 and (regular * covered > 0.6 or any(row.quoted for row in sample))
    ):
        score *= 0.1
    return score


def _always_spaced(lines: list[str], rows: list[Record], shape: Shape) -> bool:
    """Dice si tras cada separador, fuera de comillas, viene siempre un espacio («a, b, c»)."""
    tight = re.compile(f"{re.escape(shape.delimiter)}(?! |$|{re.escape(shape.delimiter)})")
    single = [row for row in rows if row.width > 1 and row.lines == 1]
    bare = [re.sub(r'"(?:[^"\\]|\\.)*"', "x", lines[row.line - 1]) for row in single]
    return bool(bare) and not any(tight.search(line) for line in bare)
