"""Averigua cómo está escrito un archivo de texto: codificación, forma, preámbulo y cabecera.

Entra una muestra de bytes; sale un `Detected` con el `Dialect`, los nombres de las columnas,
lo que se vio (`reasons`) y lo que la persona debe saber (`warnings`). Funciones puras: quien
abre el archivo es `unknown.py`. Nunca decide en silencio: lo dudoso lleva advertencia.
Sigue en `sniff.py` (separador y comillas), `header.py` (preámbulo y cabecera).
"""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from etl.dialect import Dialect
from etl.errors import FileRefused
from extras.undeclared.detection.charset import detect_encoding
from extras.undeclared.detection.cut import Shape, records
from extras.undeclared.detection.header import Heading, find_heading
from extras.undeclared.detection.sniff import Guess, best_guess

# Filas que se miran: bastan para el dialecto, y mirar más solo cuesta tiempo.
SAMPLE_LINES = 400
SAMPLE_CHARS, WIDE_ROWS = 400_000, 3
_SEP_LINE = re.compile(r'^"?sep=(.|\\t)"?$', re.IGNORECASE)
_BREAK = re.compile(r"\r\n|\n|\r")
# Por debajo de esta puntuación, cortar en columnas es adivinar: se lee una sola columna.
MIN_SCORE = 0.05


@dataclass(frozen=True)
class Detected(Heading):
    """El principio de la tabla, y cómo está escrito el archivo."""

    dialect: Dialect
    line_end: str
    # El separador va siempre seguido de espacios que no son parte del valor («a, b»).
    skip_space: bool

    @property
    def delimiter(self) -> str:
        """El separador tal como se ve: «, » si siempre va con un espacio detrás."""
        spaced = self.skip_space and self.dialect.delimiter != " "
        return self.dialect.delimiter + (" " if spaced else "")


def detect(sample: bytes, *, complete: bool = True, more: bytes = b"") -> Detected:
    """Averigua el dialecto de un archivo de texto por una muestra que empieza en su principio.

    `complete` dice que la muestra es el archivo entero; si no, la última línea se descarta.
    `more` son líneas de más adelante: solo cuentan para la codificación.
    Lanza `FileRefused` si en la muestra no hay ni una línea entera con algo escrito.
    """
    seen = sample if not more else sample[: sample.rfind(b"\n") + 1] + more
    ascii_only = seen.isascii() and b"\0" not in seen
    name, warnings = ("utf-8", []) if ascii_only else detect_encoding(seen, complete=complete)
    # PostgreSQL no admite un NUL ni en el nombre de una columna.
    decoded = sample.decode(name, "replace").replace("\0", "\ufffd")
    text = decoded[: _cut(decoded)] if len(decoded) > SAMPLE_CHARS else decoded
    whole = complete and len(text) == len(decoded)
    line_end, mixed = _line_end(text)
    lines = _BREAK.split(text)
    lines = lines[: SAMPLE_LINES if whole else min(SAMPLE_LINES, len(lines) - 1)]
    if given := _sep_line(lines):
        lines[0] = ""
    if not any(line.strip() for line in lines):
        raise FileRefused(
            "El principio del archivo no tiene ni una línea entera con algo escrito.",
            "Ábralo con un editor: no son datos en líneas, o la primera ocupa más de 1 MB.",
        )
    guess = _guess(lines, given)
    found = find_heading(guess.records, guess.width, lines, guess.shape)
    told = {
        "reasons": (*_reasons(guess, given), *found.reasons),
        "warnings": (*warnings, *mixed, *_shape_warnings(guess), *found.warnings),
    }
    return Detected(
        **vars(found) | told,
        dialect=Dialect(
            delimiter=guess.shape.delimiter,
            quote=guess.shape.quote,
            escape=guess.shape.escape,
            encoding=name,
            header=found.header_rows > 0,
            preamble_rows=found.preamble_rows,
        ),
        line_end=line_end,
        skip_space=guess.shape.skip_space,
    )


def _cut(text: str) -> int:
    """Dónde acaba lo que se mira: unas cuantas filas enteras, por anchas que sean."""
    first = next(islice(_BREAK.finditer(text), WIDE_ROWS, None), None)
    last = first and _BREAK.search(text, max(SAMPLE_CHARS, first.start()))
    return last.end() if last else len(text)


def _line_end(text: str) -> tuple[str, list[str]]:
    """El fin de línea más común, y un aviso si hay varios."""
    pairs = text.count("\r\n")
    counts = (+Counter({"\n": text.count("\n") - pairs, "\r\n": pairs, "\r": text.count("\r") - pairs})).most_common()
    best = counts[0][0] if counts else "\n"
    if len(counts) < 2:
        return best, []
    names = {"\r\n": "CRLF", "\n": "LF", "\r": "CR"}
    seen = ", ".join(f"{names[end]} {count}" for end, count in counts)
    return best, [f"Fines de línea mezclados en la muestra ({seen}): cada uno termina una fila."]


def _sep_line(lines: list[str]) -> str | None:
    """El separador que dice la línea `sep=;` de Excel, si la hay."""
    match = _SEP_LINE.match(lines[0].lstrip("\ufeff").strip(" \r")) if lines else None
    return match[1].replace("\\t", "\t") if match else None


def _guess(lines: list[str], given: str | None) -> Guess:
    """La mejor forma; la línea `sep=` manda, y sin columnas claras queda una sola."""
    guess = best_guess(lines, given)
    if guess is None or not (given or guess.score >= MIN_SCORE):
        return _single_column(lines, given)
    two = guess.width == 2 and guess.shape.delimiter == ","
    return _single_column(lines, given) if two and _is_decimal_column(guess) else guess


def _single_column(lines: list[str], given: str | None) -> Guess:
    """Un archivo de una sola columna: se toma un separador que no corte ninguna fila."""
    shapes = [Shape(mark, quote) for quote in ('"', None) for mark in ([given] if given else ",;\t|\x1f")]
    found = [(shape, tuple(records(lines, shape))) for shape in shapes]
    guesses = [
        Guess(shape, rows, 1, [at for at, row in enumerate(rows) if row.width == 1], 0.0) for shape, rows in found
    ]
    return max(guesses, key=lambda guess: len(guess.fitting))


def _is_decimal_column(guess: Guess) -> bool:
    """`valor`, `1,5`, `2,25`: la coma parte números y la cabecera no la lleva: es decimal."""
    first, *rest = guess.records
    cells = [cell for row in rest for cell in row.cells or ()]
    return first.width == 1 and all(map(str.isdigit, cells))


def _reasons(guess: Guess, given: str | None) -> list[str]:
    shape = guess.shape
    if given:
        return [f"Separador {given!r}: lo dice la primera línea (sep=)."]
    if guess.width == 1:
        return ["Una sola columna: ningún separador da filas de igual ancho."]
    return [
        f"Separador {shape.delimiter!r}: {len(guess.fitting)} de {len(guess.records)} filas de la muestra "
        f"tienen {guess.width} valores (puntuación {guess.score:.2f})."
    ]


def _shape_warnings(guess: Guess) -> list[str]:
    shape = guess.shape
    warnings = []
    if shape.escape:
        warnings.append('Las comillas de dentro van con barra invertida (\\"): así se han leído.')
    if guess.width == 1 and _looks_aligned(guess):
        warnings.append(
            "Parecen columnas de ancho fijo: se ha leído una sola; guárdelo con un separador (coma, tabulador…)."
        )
    if shape.delimiter == " " and guess.width > 1:
        warnings.append("Columnas separadas por espacios: un valor con espacios dentro da una fila apartada.")
    return warnings


def _looks_aligned(guess: Guess) -> bool:
    """Varias filas, y casi todas con huecos de dos espacios o más entre textos."""
    gaps = sum(1 for row in guess.records if re.search(r"\S {2,}\S", " ".join(row.cells or ())))
    return gaps > 1 and gaps * 10 >= 9 * len(guess.records)
