"""Averigua la codificación de un archivo de texto a partir de una muestra de sus bytes.

Entra una muestra (el principio del archivo y trozos del resto, `unknown.py`); sale el nombre
que entiende Python y las advertencias para la persona. No abre archivos.
Cómo se eligió y cuánto acierta: `docs/deteccion.md`. Sigue en `detect.py`.
"""

import re
from itertools import islice

from etl.extract.source import marked_encoding
from extras.formats.look import mojibake, utf8_characters

# Las que de verdad aparecen en archivos españoles que no son UTF-8, de la más a la menos frecuente.
SINGLE_BYTE = ("cp1252", "iso8859-15", "cp850", "mac-roman")
NAMES = {"iso8859-15": "ISO 8859-15", "cp850": "CP850 (MS-DOS)", "mac-roman": "Mac Roman"}

_LETTERS = frozenset("áéíóúüñçàèòïìùâêîôûäëöãõÁÉÍÓÚÜÑÇÀÈÒÏÌÙÂÊÎÔÛÄËÖÃÕ")
_SPANISH = frozenset("áéíóúüñÁÉÍÓÚÜÑ")
_MARKS = frozenset("ºª°€¿¡«»–—‘’“”…·²³½¼¾£©®™±×µ•%\u00a0")
# Por debajo de este acierto por carácter, ninguna de las candidatas explica el archivo.
_ENOUGH = 0.5
# Caracteres no ASCII de la muestra cuyos vecinos se miran: más no cambian la media.
SCORED_CHARS = 4000


def detect_encoding(sample: bytes, *, complete: bool = True) -> tuple[str, list[str]]:
    """Devuelve la codificación y las advertencias.

    `complete` dice que la muestra llega al final del archivo: un carácter cortado allí es un
    archivo cortado, y no el borde de la muestra.
    """
    if marked := marked_encoding(sample, ""):
        # El nombre del códec que además quita la marca.
        name = "utf-8-sig" if marked == "utf-8" else marked.removesuffix("-le").removesuffix("-be")
        return name, mojibake(sample, name)
    if (wide := _utf16_without_bom(sample)) is not None:
        return wide, [f"Sin marca BOM: se ha leído como {wide.upper()} porque un byte de cada dos es nulo."]
    right, wrong = utf8_characters(sample, complete=complete)
    if not wrong:
        return "utf-8", mojibake(sample, "utf-8")
    cut = not utf8_characters(sample, complete=False)[1]  # solo falla el final: un UTF-8 cortado
    if right >= wrong or cut or _mostly_utf8(sample):
        return "utf-8", [
            f"Hay caracteres que no son UTF-8 ({wrong} en la muestra, frente a {right} que sí): "
            "sus líneas se apartan; guarde el archivo entero en una sola codificación."
        ]
    return _single_byte(sample)


def _mostly_utf8(sample: bytes) -> bool:
    """Si son UTF-8 al menos la mitad de las líneas que no son ASCII: una larga que no lo es no manda en las demás."""
    broken = [
        utf8_characters(line, complete=True)[1] > 0 for line in re.split(rb"[\r\n]+", sample) if not line.isascii()
    ]
    return 2 * sum(broken) <= len(broken)


def _utf16_without_bom(sample: bytes) -> str | None:
    """UTF-16 sin marca: en texto español, casi todo carácter tiene nulo su byte alto."""
    pairs = len(sample) // 2
    if pairs < 4:
        return None
    even, odd = sample[0 : pairs * 2 : 2].count(0), sample[1 : pairs * 2 : 2].count(0)
    nulls = {"utf-16-le": (odd, even), "utf-16-be": (even, odd)}
    return next((name for name, (high, low) in nulls.items() if high > 0.6 * pairs and low < 0.02 * pairs + 1), None)


def _single_byte(sample: bytes) -> tuple[str, list[str]]:
    """La de un byte por carácter cuyas letras caen donde una palabra las pondría."""
    # Un espacio duro de cp1252 es la «á» de CP850: por sí solo no dice nada.
    telling = sample.replace(b"\xa0", b" ")
    scores = {name: _plausibility(telling.decode(name, "replace")) for name in SINGLE_BYTE}
    best = max(scores, key=lambda name: scores[name])  # en un empate gana la más frecuente
    warnings = []
    if best == "cp1252" and not re.search(rb"[\x80-\x9f]", sample):
        best = "latin-1"  # sin esos bytes, cp1252 y Latin-1 son lo mismo: se da el nombre de la norma
    if best in NAMES:
        warnings.append(f"Se ha leído como {NAMES[best]}; si salen letras raras, declare la codificación.")
    if not telling.isascii() and max(scores.values()) < _ENOUGH:
        warnings.append(
            f"La codificación es dudosa (no es UTF-8): se ha leído como {best}; si salen letras raras, declárela."
        )
    return best, warnings + mojibake(sample, best)


def _plausibility(text: str) -> float:
    """Media, por carácter no ASCII, de cuán normal es verlo entre sus vecinos (de -1 a 1)."""
    found = islice(re.finditer(r"[^\x00-\x7f]", text), SCORED_CHARS)
    points = [_plausible(text[at - 1 : at], text[at], text[at + 1 : at + 2]) for at in (m.start() for m in found)]
    return sum(points) / len(points) if points else 0.0


def _plausible(before: str, char: str, after: str) -> float:
    """Cuán normal es un carácter entre el anterior y el siguiente."""
    if char == "\ufffd" or "\x80" <= char <= "\x9f":
        return -1.0
    inside = before.isalpha() and after.isalpha()
    if char in _LETTERS:
        if (char.isupper() and before.islower()) or (char.islower() and before.isupper() and after.isupper()):
            return -0.5
        worth = 1.0 if char in _SPANISH else 0.6
        return worth if before.isalpha() or after.isalpha() else worth / 3
    if char in _MARKS:
        return -0.5 if inside and char not in "·’" else (0.9 if char != "\u00a0" else 0.4)
    return -0.8 if inside else -0.2
