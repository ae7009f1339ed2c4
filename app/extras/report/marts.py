"""Qué gráfico le va a cada mart, mirando solo sus columnas: uno nuevo sale dibujado sin tocar esto.

Con una fecha y un importe, columnas por fecha; con un texto y un importe, los diez mayores; con dos
puntuaciones de 1 a 5, la cuadrícula de sus cruces. Entra un `Mart` y sale un `Panel`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from etl.reader import rows
from extras.report.figures import Mart
from extras.report.svg import Chart, Draw, Series, columns, squares
from extras.report.text import label, number, title, unit

# Con más series, los colores ya no se distinguen.
MOST_SERIES = 6
TOP = 10
SCORES = range(1, 6)
Table = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class Ranking:
    """Los mayores de una lista: (nombre, valor, valor escrito)."""

    rows: list[tuple[str, float, str]]


@dataclass(frozen=True)
class Panel:
    """Un mart listo para la página: qué es, su dibujo (si lo tiene) y la tabla con los números."""

    name: str
    grain: str
    heading: str
    drawing: tuple[Draw, Chart] | Ranking | None
    table: Table


def panel(mart: Mart) -> Panel:
    """El dibujo que va con las columnas del mart; sin ninguno que encaje, sus primeras filas."""
    for build in (_scores, _by_date, _largest):
        found = build(mart)
        if found:
            return found
    first = [[label(value) for value in row] for row in mart.rows[:TOP]]
    return Panel(mart.name, mart.grain, "Primeras filas", None, (mart.columns, first))


def _scores(mart: Mart) -> Panel | None:
    """La cuadrícula de las dos primeras puntuaciones de 1 a 5: cuántas filas hay en cada cruce."""
    names = [name for name in mart.columns if _is_score(_column(mart, name))][:2]
    if len(names) < 2:
        return None
    across, down = names
    amount = _amount(mart)
    amounts = _column(mart, amount) if amount else [None] * len(mart.rows)
    cells: dict[tuple[int, int], list[float]] = {}
    for x, y, value in zip(_column(mart, across), _column(mart, down), amounts, strict=True):
        cells.setdefault((x, y), []).append(float(value or 0))
    counts = {y: [float(len(cells.get((x, y), []))) for x in SCORES] for y in reversed(SCORES)}
    hints = [
        f"{title(across)} {x}, {title(down)} {y}: {rows(len(found))}{_mean(amount, found)}"
        for y in counts
        for x in SCORES
        for found in [cells.get((x, y), [])]
    ]
    series = [Series(f"{title(down)} {y}", values, "c1") for y, values in counts.items()]
    labels = [f"{title(across)} {x}" for x in SCORES]
    heading = f"Filas por {title(across)} y {title(down)}, de 1 a 5"
    table = (["", *labels], [[one.name, *map(number, one.values)] for one in series])
    return Panel(mart.name, mart.grain, heading, (squares, Chart(heading, labels, series, hints)), table)


def _is_score(values: list[Any]) -> bool:
    """Enteros de 1 a 5, todos y alguno repetido: un recuento pequeño o una clave no son una puntuación."""
    return len(values) > len(SCORES) and set(values) == set(SCORES) and all(type(value) is int for value in values)


def _mean(amount: str | None, values: list[float]) -> str:
    if amount is None or not values:
        return ""
    return f", {title(amount)} medio {number(sum(values) / len(values))} {unit(amount)}".rstrip()


def _by_date(mart: Mart) -> Panel | None:
    """Columnas por fecha; si hay una columna de texto con pocos valores, apiladas por ella."""
    when = _first(mart, lambda values: all(isinstance(value, date) for value in values))
    amount = _amount(mart)
    if when is None or amount is None:
        return None
    dates = sorted(set(_column(mart, when)))
    split = _few_values(mart)
    names = sorted(set(_column(mart, split))) if split else [title(amount)]
    sums = dict.fromkeys(((name, day) for name in names for day in dates), 0.0)
    groups = _column(mart, split) if split else names * len(mart.rows)
    for name, day, value in zip(groups, _column(mart, when), _column(mart, amount), strict=True):
        sums[name, day] += float(value or 0)
    # La serie mayor, abajo: su borde es el que mejor se compara.
    names.sort(key=lambda name: -sum(sums[name, day] for day in dates))
    series = [Series(str(name), [sums[name, day] for day in dates], f"c{index}") for index, name in enumerate(names, 1)]
    labels = _months(dates)
    suffix = f" {unit(amount)}".rstrip()
    hints = [
        f"{label(day)}: " + ", ".join(f"{one.name} {number(one.values[index])}{suffix}" for one in series)
        for index, day in enumerate(dates)
    ]
    by = f" y {title(split)}" if split else ""
    heading = f"{title(amount).capitalize()} por {title(when)}{by}{f', en {unit(amount)}' if unit(amount) else ''}"
    table = (
        [title(when), *map(str, names)],
        [[label(day), *(number(sums[name, day]) for name in names)] for day in dates],
    )
    return Panel(mart.name, mart.grain, heading, (columns, Chart(heading, labels, series, hints)), table)


def _largest(mart: Mart) -> Panel | None:
    """Los diez mayores por el primer importe."""
    name = _first(mart, lambda values: all(isinstance(value, str) for value in values))
    amount = _amount(mart)
    if name is None or amount is None:
        return None
    pairs = sorted(
        (
            (str(text), float(value or 0))
            for text, value in zip(_column(mart, name), _column(mart, amount), strict=True)
        ),
        key=lambda pair: -pair[1],
    )[:TOP]
    suffix = f" {unit(amount)}".rstrip()
    ranking = Ranking([(text, value, number(value) + suffix) for text, value in pairs])
    heading = f"Los {len(pairs)} primeros por {title(amount)}"
    table = ([title(name), amount], [[text, written] for text, _, written in ranking.rows])
    return Panel(mart.name, mart.grain, heading, ranking, table)


def _column(mart: Mart, name: str) -> list[Any]:
    index = mart.columns.index(name)
    return [row[index] for row in mart.rows]


def _first(mart: Mart, fits: Callable[[list[Any]], bool]) -> str | None:
    return next((name for name in mart.columns if mart.rows and fits(_column(mart, name))), None)


def _amount(mart: Mart) -> str | None:
    """La columna que se dibuja: la primera con unidad; si ninguna la tiene, la primera con decimales."""
    numeric = [
        name
        for name in mart.columns
        if mart.rows and all(value is None or isinstance(value, Decimal | float) for value in _column(mart, name))
    ]
    return next((name for name in numeric if unit(name)), next(iter(numeric), None))


def _few_values(mart: Mart) -> str | None:
    return _first(
        mart, lambda values: all(isinstance(value, str) for value in values) and 2 <= len(set(values)) <= MOST_SERIES
    )


def _months(dates: Sequence[date]) -> list[str]:
    """Si todas son del mismo año, basta el mes."""
    if len({day.year for day in dates}) == 1 and all(day.day == 1 for day in dates):
        return [label(day).split(" ")[0] for day in dates]
    return [label(day) for day in dates]
