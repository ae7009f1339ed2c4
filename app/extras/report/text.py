"""Números, fechas y textos como se escriben en español, y siempre protegidos para HTML."""

from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any

MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
# Unidades de los nombres de columna: importe_eur, peso_kg, cuota_pct.
UNITS = {"eur": "€", "pct": "%", "kg": "kg", "m2": "m²"}


def number(value: float | Decimal, decimals: int = 0) -> str:
    """Con punto de millares y coma decimal: 1.234,5."""
    text = f"{value:,.{decimals}f}"
    return text.translate(str.maketrans(",.", ".,"))


def short(value: float) -> str:
    """Para el eje de un gráfico: 1,2 M, 35 mil, 800."""
    for limit, unit in ((1_000_000, " M"), (10_000, " mil")):
        if abs(value) >= limit:
            scaled = value / (1_000_000 if unit == " M" else 1_000)
            return number(scaled, 0 if scaled == int(scaled) else 1) + unit
    return number(value, 0 if value == int(value) else 1)


def size(count: int) -> str:
    """Bytes en la unidad que se lee mejor."""
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{number(value, 0 if unit == 'B' or value >= 10 else 1)} {unit}"
        value /= 1000
    return f"{number(value, 1)} GB"


def percent(part: float, whole: float) -> str:
    """Con los decimales justos para que lo poco no parezca nada."""
    share = 100 * part / whole if whole else 0
    return number(share, 0 if share in (0, 100) else 1 if share >= 1 else 2) + " %"


def moment(value: datetime) -> str:
    """23 nov 2026, 18:30."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}, {value:%H:%M}"


def label(value: Any) -> str:
    """Un valor de una consulta, como etiqueta."""
    if isinstance(value, date):
        return f"{MONTHS[value.month - 1]} {value.year}" if value.day == 1 else f"{value:%d/%m/%Y}"
    if isinstance(value, float | Decimal):
        return number(value, 2)
    if isinstance(value, int):
        return number(value)
    return "" if value is None else str(value)


def title(column: str) -> str:
    """El nombre de una columna, sin su unidad: importe_eur -> importe."""
    stem, _, unit = column.rpartition("_")
    return (stem if unit in UNITS else column).replace("_", " ")


def unit(column: str) -> str:
    """La unidad que lleva el nombre de una columna, o nada."""
    return UNITS.get(column.rpartition("_")[2], "")


def esc(value: Any) -> str:
    """Cualquier texto, listo para ir dentro de HTML o de un atributo."""
    return escape("" if value is None else str(value), quote=True)
