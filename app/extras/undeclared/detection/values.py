"""Qué parece un valor suelto: número, fecha, hora, texto… Lo usan la detección y los tipos.

Solo formas, sin contexto: decidir si «1.234» es mil doscientos o uno con tres decimales es
cosa de `infer.py`, que ve la columna entera.
"""

import re

EMPTY, NUMBER, MOMENT, BOOLEAN, TEXT = "vacío", "número", "fecha u hora", "booleano", "texto"

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
_BOOLEANS = frozenset(["true", "false", "sí", "si", "no", "verdadero", "falso", "yes", "t", "f", "s", "n"])
# Ningún número ni fecha es más largo; además acota lo que tardan las expresiones.
LONGEST = 60
# De un texto largo basta el principio para ver si parece un valor entero.
READ = 2000
# Un valor que por dentro lleva uno de estos signos pegados a los dos lados suele ser una fila sin cortar.
_GLUED = re.compile(r"[^\s;|\t][;|\t][^\s;|\t]|[;|\t]$|^[;|\t]|[;|\t]{2}")
_LINK = re.compile(r"(?:[a-z]+://|www\.|mailto:)\S+|[\w.+-]+@[\w-]+\.[\w.-]+", re.I)


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
    if text.lower() in _BOOLEANS:
        return BOOLEAN
    return TEXT


def plausibility(value: str, delimiter: str) -> float:
    """De 0 a 1, cuánto parece un valor entero y no un trozo de otro o varios pegados."""
    text = value.strip()[:READ]
    found = kind(text)
    if found is EMPTY:
        return 0.6
    if found is not TEXT:
        return 1.0
    if _LINK.fullmatch(text):
        return 1.0
    if _GLUED.search(text):
        return 0.1
    if text[0] in ",;:)]}|\"'" or text[-1] in "([{|\"'" or text.count("(") != text.count(")"):
        return 0.3
    if delimiter != "," and text.count(",") >= 2 and ", " not in text:
        return 0.2
    return 0.9 if any(map(str.isalnum, text)) else 0.4
