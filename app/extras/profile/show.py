"""El perfil de una tabla en el terminal, una línea por columna."""

from rich.cells import cell_len
from rich.console import Console

from etl.reader import rows, thousands
from extras.output import escape, grid
from extras.profile.profile import NUMBERS, ColumnProfile, Profile

COUNTS = ("nulos", "distintos")
BARS = " ▁▂▃▄▅▆▇█"
# Con más letras por valor no caben los demás en 80 columnas; una fecha, sí.
VALUE, NUMBER = 10, 20
# Un nombre se parte si es más largo y no cabe.
NAME = 24


def show(profile: Profile) -> None:
    """Escribe el perfil por la salida estándar."""
    console, sampled = Console(), profile.sampled
    about = f" · aprox.: de una muestra de {rows(sampled)}" if sampled is not None else ""
    console.print(escape(f"{profile.table}: {rows(profile.rows)}{about}"), highlight=False, soft_wrap=True)
    titles = ("columna", *COUNTS, "mínimo", "máximo", "más frecuente", "histograma")
    long = any(cell_len(column.name) > NAME for column in profile.columns)
    whole = set(titles) - {"más frecuente", *(["columna"] if long else [])}
    console.print(grid(titles, (_cells(column, profile.rows) for column in profile.columns), COUNTS, whole))


def _cells(column: ColumnProfile, whole: int) -> list[str]:
    edges = [_short(value, column.type) if value is not None else "" for value in (column.minimum, column.maximum)]
    frequent = next((_short(value, column.type) + _percent(count / whole) for value, count in column.frequent), "")
    return [column.name, thousands(column.nulls), thousands(column.distinct), *edges, frequent, _bars(column.histogram)]


def _percent(share: float) -> str:
    return f" ({share:.0%})".replace("%", " %") if share >= 0.01 else ""


def _short(text: str, kind: str) -> str:
    """Un número, entero: cortado sería otro; un instante, su día; lo demás, sus primeras letras, en una línea."""
    if kind.partition("(")[0] in NUMBERS and len(text) <= NUMBER:
        return text.replace(".", ",")
    text = text.partition(" ")[0] if kind.startswith("timestamp") else " ".join(text.split())
    return text if len(text) <= VALUE else f"{text[: VALUE - 1]}…"


def _bars(histogram: list[int]) -> str:
    """«▁▃█»: lo poco también se ve."""
    most = max(histogram, default=0)
    return "".join(BARS[-(-8 * count // most)] for count in histogram) if most else ""
