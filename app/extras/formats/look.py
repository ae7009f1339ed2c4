"""Lo que se mira al principio de un archivo de texto declarado, antes de leerlo.

Entra una muestra y salen correcciones de lo declarado, con sus avisos: la codificación que se ve, las líneas que
alguien dejó encima de la cabecera. Un archivo que por dentro es otra cosa se rechaza.
"""

import re
from codecs import BOM_UTF8, getincrementaldecoder
from dataclasses import replace

from etl.dialect import Dialect
from etl.schema import Schema
from extras.formats.disguise import refuse_disguised
from extras.formats.preamble import lines_above_header, preamble_warning

# «ñ» escrita en UTF-8 y leída como Latin-1 se ve «Ã±»: Ã o Â y un signo que no va tras una letra.
_MOJIBAKE = re.compile("[ÃÂ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\u0080-\u00bf™œ“”˜¦]")


ODD_SIGN = "Hay signos que nadie escribe"
# En cp1252 son signos (€, «, —); en Unicode, órdenes de terminal que nadie escribe, salvo U+0085.
CONTROL = "[\u0080-\u0084\u0086-\u009f]"


def look_at_encoding(sample: bytes, encoding: str) -> tuple[str, list[str]]:
    """La codificación con que se leerá, y un aviso si alguien la guardó mal antes.

    Vale la de la marca (BOM) o la declarada; pero un «UTF-8» sin un solo carácter no ASCII
    correcto y con alguno incorrecto es Latin-1, o cp1252 si usa sus caracteres propios (€, “, ”).
    """
    if encoding == "utf-8" and not sample.startswith(BOM_UTF8):
        right, wrong = utf8_characters(sample, complete=b"\n" not in sample)
        if wrong and not right:
            encoding = "cp1252" if any(0x80 <= byte <= 0x9F for byte in set(sample)) else "latin-1"
    return encoding, mojibake(sample, encoding)


def utf8_characters(sample: bytes, *, complete: bool) -> tuple[int, int]:
    """Cuántos caracteres no ASCII son UTF-8 correcto y cuántos bytes no lo son.

    `complete`: la muestra es el archivo entero; si no, su final puede partir un carácter, y no cuenta.
    """
    text = getincrementaldecoder("utf-8")("surrogateescape").decode(sample, final=complete)
    wrong = len(re.findall("[\udc80-\udcff]", text))
    return len(re.findall("[^\x00-\x7f]", text)) - wrong, wrong


def mojibake(sample: bytes, encoding: str) -> list[str]:
    """Avisa de «Ã±» y parecidos: alguien leyó UTF-8 como Latin-1 y lo volvió a guardar."""
    if sample.isascii():
        return []
    text = sample.decode(encoding, "replace")
    told = []
    if encoding.startswith("utf") and (odd := re.search(CONTROL, text)):
        told = [odd_sign_warning(odd[0], text.count("\n", 0, odd.start()) + 1)]
    if found := _MOJIBAKE.search(text):
        told.append(
            f"Hay texto mal codificado de origen («{found[0]}»): se carga tal cual; "
            "pida el archivo otra vez o corríjalo antes."
        )
    return told


def odd_sign_warning(sign: str, line: int) -> str:
    return f"{ODD_SIGN} (U+{ord(sign):04X}, línea {line}): era texto en cp1252; pídalo otra vez."


def look_above_header(sample: bytes, dialect: Dialect, rows: Schema) -> tuple[Dialect, list[str]]:
    """El dialecto declarado, con las líneas que sobran encima de la cabecera. Lanza `FileRefused` si no es un texto."""
    refuse_disguised(sample)
    above = lines_above_header(sample, dialect, rows)
    if not above:
        return dialect, []
    warning = preamble_warning(above, dialect.preamble_rows)
    return replace(dialect, preamble_rows=dialect.preamble_rows + above), [warning]
