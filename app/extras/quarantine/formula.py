"""El apóstrofo que deja en texto una celda que una hoja de cálculo ejecutaría (OWASP, «CSV injection»).

Se pone al sacar la cuarentena a un CSV (`export.py`) y se quita al leerlo (`corrected.py`).
"""

import re

# Lo que ya llevaba un apóstrofo lleva otro: al leerlo se quita solo uno.
FORMULA = r"'*(?:\s*[=+\-@]|[\t\r])"
NUMBER = re.compile(r"^[+-]?[0-9][0-9.,]*$")
_RISKY, _MARKED = re.compile(FORMULA), re.compile(f"'{FORMULA}")


def harmless(cell: object) -> str:
    """La celda sin nada que una hoja de cálculo pueda ejecutar; los números se quedan como están."""
    text = str(cell)
    return f"'{text}" if _RISKY.match(text) and not NUMBER.match(text) else text


def original(cell: str) -> str:
    """La celda como era."""
    return cell[1:] if _MARKED.match(cell) else cell
