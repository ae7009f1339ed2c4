"""Texto que ya venía estropeado: «Ã±» donde alguien quiso escribir «ñ»."""

import re

# «ñ» escrita en UTF-8 y leída como Latin-1 se ve «Ã±»: Ã o Â y un signo que no va tras una letra.
_MOJIBAKE = re.compile("[ÃÂ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\u0080-\u00bf™œ“”˜¦]")


def mojibake(sample: bytes, encoding: str) -> list[str]:
    """Avisa de «Ã±» y parecidos: alguien leyó UTF-8 como Latin-1 y lo volvió a guardar."""
    found = None if sample.isascii() else _MOJIBAKE.search(sample.decode(encoding, "replace"))
    if found is None:
        return []
    return [
        f"Hay texto mal codificado de origen («{found.group()}»): se carga tal cual; "
        "pida el archivo otra vez o corríjalo antes."
    ]
