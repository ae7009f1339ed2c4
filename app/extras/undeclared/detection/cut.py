"""Corta líneas en valores según un separador, unas comillas y un escape que se están probando, y dice qué parece cada uno.

Entran las líneas de la muestra y una `Shape`; salen los `Record`. Una fila dañada no es un error: aquí solo se
mira; lo que se carga lo corta `delimited.py`. De un valor se ve solo la forma: si «1.234» es mil doscientos o uno
con tres decimales lo decide `infer.py`, que ve la columna entera. Lo siguiente es `sniff.py`, que puntúa.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

# Una fila con saltos de línea entre comillas se da por mal cerrada si pasa de estas líneas.
JOINED_LINES = 60

EMPTY, NUMBER, MOMENT, TEXT = "vacío", "número", "fecha u hora", "texto"

_NUMBER = re.compile(
    r"[-+−]?\s?(?:[$€£]\s?)?[-+]?(?:\d{1,3}(?:[.,' ]\d{3})+|\d+)?(?:[.,]\d+|\d[.,])?(?:[eE][-+]?\d{1,3})?"
    r"\s?(?:%|€|\$|£|EUR|USD)?"
)
_MOMENT = re.compile(
    r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[-/. ](?:[A-Za-zé]{3,4}\.?|[A-Za-z]{5,10})[-/. ]\d{2,4})"
    r"(?:[T ,]\s?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:[aApP]\.?\s?[mM]\.?)?(?:Z|[-+]\d{2}:?\d{2})?)?"
    r"|\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:[aApP]\.?\s?[mM]\.?)?"
    r"|\d{4}[-/](?:0[1-9]|1[0-2])|\d{4}(?:T|M|Q|-T|-Q)\d{1,2}"
)
# Ningún número ni fecha es más largo; además acota lo que tardan las expresiones.
LONGEST = 60
# De un texto largo basta el principio para ver si parece un valor entero.
READ = 2000
# Un valor que por dentro lleva uno de estos signos pegados a los dos lados suele ser una fila sin cortar.
_GLUED = re.compile(r"[^\s;|\t][;|\t][^\s;|\t]|[;|\t]$|^[;|\t]|[;|\t]{2}")


@dataclass(frozen=True)
class Shape:
    """Cómo se cortan las líneas en valores."""

    delimiter: str
    quote: str | None
    escape: str | None = None
    skip_space: bool = False


@dataclass(frozen=True)
class Record:
    """Una fila de la muestra: `cells` es `None` si sus comillas no cuadran."""

    line: int
    cells: tuple[str, ...] | None
    lines: int = 1
    quoted: int = 0

    @property
    def width(self) -> int:
        """Número de valores; 0 si la fila está mal formada."""
        return len(self.cells) if self.cells else 0


@lru_cache(maxsize=256)
def _field(shape: Shape) -> re.Pattern[str]:
    """Expresión de un valor y lo que lo termina (separador o final)."""
    end = f"(?P<end>{re.escape(shape.delimiter)}{' *' if shape.skip_space else ''}|$)"
    stop = re.escape(shape.delimiter[0])
    forms = []
    if shape.quote:
        quote = re.escape(shape.quote)
        inner = rf"[^{quote}\\]|\\." if shape.escape else f"[^{quote}]|{quote}{quote}"
        forms.append(f"{quote}(?P<quoted>(?:{inner})*){quote}(?={end.replace('?P<end>', '?:')})")
    # En un valor sin comillas, una comilla doble es un error; un apóstrofo, lo normal («O'Higgins»).
    banned = stop + (re.escape(shape.quote) if shape.quote == '"' else "")
    first = f"(?!{re.escape(shape.quote)})" if shape.quote else ""
    if shape.escape:
        plain = rf"(?:[^{banned}\\]|\\.)*"
    elif len(shape.delimiter) > 1:
        plain = f"(?:(?!{re.escape(shape.delimiter)})[^{banned[len(stop) :] or chr(0)}])*"
    else:
        plain = f"[^{banned}]*"
    forms.append(f"{first}(?P<plain>{plain})")
    return re.compile(f"(?:{'|'.join(forms)}){end}", re.DOTALL)


def split(line: str, shape: Shape) -> tuple[tuple[str, ...], int] | None:
    """Los valores de una línea y cuántos iban entre comillas; `None` si no está bien formada."""
    if not any(mark and mark in line for mark in (shape.quote, shape.escape)):
        plain = line.split(shape.delimiter)
        return tuple(_without_leading_spaces(plain, shape.delimiter) if shape.skip_space else plain), 0
    pattern, position, quoted = _field(shape), 0, 0
    cells: list[str] = []
    if shape.skip_space:
        line = line.lstrip(" ")
    while True:
        match = pattern.match(line, position)
        if match is None:
            return None
        text = match.groupdict().get("quoted")
        if text is None:
            cells.append(_unescape(match["plain"], shape, in_quotes=False))
        else:
            quoted += 1
            cells.append(_unescape(text, shape, in_quotes=True))
        position = match.end()
        if match["end"] == "":
            return tuple(cells), quoted


def _without_leading_spaces(cells: list[str], delimiter: str) -> list[str]:
    if delimiter == " ":  # columnas alineadas con espacios: varios cuentan como uno
        return [cell for cell in cells if cell]
    return [cell.lstrip(" ") for cell in cells]


def _unescape(text: str, shape: Shape, *, in_quotes: bool) -> str:
    if shape.escape:
        special = re.escape(f"\\{shape.quote or ''}{shape.delimiter}")
        return re.sub(rf"\\([{special}])", r"\1", text) if shape.escape in text else text
    return text.replace(shape.quote * 2, shape.quote) if in_quotes and shape.quote else text


def split_loosely(line: str, shape: Shape) -> tuple[str, ...]:
    """Los valores de una línea dañada, tal como se leen: cortada por el separador y sin más."""
    quote = shape.quote or '"'
    parts = [part.strip() if shape.skip_space else part for part in line.split(shape.delimiter)]
    return tuple(p[1:-1] if len(p) > 1 and p[0] == p[-1] == quote else p for p in parts)


def records(lines: list[str], shape: Shape) -> list[Record]:
    """Las filas de la muestra; una comilla sin cerrar estropea su línea y ninguna más."""
    found, index = [], 0
    while index < len(lines):
        line, used = lines[index], 1
        if not line.strip().strip(f"{shape.delimiter} "):  # en blanco, o solo separadores
            index += 1
            continue
        result = split(line, shape)
        if result is None and shape.quote and _open_at_end(line, shape):
            result, used = _joined(lines, index, shape)
        cells, quoted = result if result else (None, 0)
        found.append(Record(index + 1, cells, used, quoted))
        index += used
    return found


def _joined(lines: list[str], index: int, shape: Shape) -> tuple[tuple[tuple[str, ...], int] | None, int]:
    """Prueba a seguir la fila en las líneas siguientes, mientras la comilla siga abierta."""
    text = lines[index]
    for used in range(2, JOINED_LINES + 1):
        if index + used > len(lines):
            break
        text += "\n" + lines[index + used - 1]
        if (result := split(text, shape)) is not None:
            return result, used
        if not _open_at_end(text, shape):
            break
    return None, 1


def _open_at_end(text: str, shape: Shape) -> bool:
    """Dice si la línea acaba dentro de unas comillas bien abiertas."""
    pattern, position = _field(shape), 0
    while match := pattern.match(text, position):
        if match["end"] == "":
            return False
        position = match.end()
    quote = shape.quote or ""
    rest = text[position + 1 :]
    rest = re.sub(r"\\.", "", rest, flags=re.DOTALL) if shape.escape else rest.replace(quote * 2, "")
    return quote not in rest


def kind(value: str) -> str:
    """La clase de un valor, sin espacios a los lados."""
    text = value.strip()
    if not text:
        return EMPTY
    if len(text) > LONGEST:
        return TEXT
    if text[-1].isdigit() or text[0].isdigit() or text[0] in "+-−.,$€£":
        if _NUMBER.fullmatch(text) and any(map(str.isdigit, text)):
            return NUMBER
        if _MOMENT.fullmatch(text):
            return MOMENT
    return TEXT


def plausibility(value: str, delimiter: str) -> float:
    """De 0 a 1, cuánto parece un valor entero y no un trozo de otro o varios pegados."""
    text = value.strip()[:READ]
    found = kind(text)
    if found is EMPTY:
        return 0.6
    if found is not TEXT:
        return 1.0
    if _GLUED.search(text):
        return 0.1
    if text[0] in ",;:)]}|\"'" or text[-1] in "([{|\"'" or text.count("(") != text.count(")"):
        return 0.3
    if delimiter != "," and text.count(",") >= 2 and ", " not in text:
        return 0.2
    return 0.9 if any(map(str.isalnum, text)) else 0.4
