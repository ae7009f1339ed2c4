"""Qué gráfico le va a cada mart, mirando solo sus columnas: uno nuevo sale dibujado sin tocar esto.

Con una fecha y un importe, columnas por fecha; con un texto y un importe, los diez mayores; con dos
puntuaciones de 1 a 5, la cuadrícula de sus cruces. Entra un `Mart` y sale un `Panel`.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import repeat
from typing import Any

from etl.reader import rows
from extras.report.figures import Mart
from extras.report.svg import Chart, Draw, Series, columns, squares
from extras.report.text import label, number, title, unit

# Con más series, los colores ya no se distinguen.
MOST_SERIES = 6
TOP = 10
SCORES = range(1, 6)


@dataclass(frozen=True)
class Panel:
    """Un mart listo para la página: su dibujo (si lo tiene) y la tabla con los números (cabecera y filas).

    `ranking`: los mayores de una lista, con su nombre, su valor y cómo se escribe.
    """

    mart: Mart
    heading: str
    table: tuple[Sequence[str], list[list[str]]]
    draw: Draw = columns
    chart: Chart | None = None
    ranking: Sequence[tuple[str, float, str]] = ()


def panel(mart: Mart) -> Panel:
    """El dibujo que va con las columnas del mart; sin ninguno que encaje, sus primeras filas."""
    for build in (_scores, _by_date, _largest):
        found = build(mart)
        if found:
            return found
    first = [
        [label(values[row]) for values in mart.columns.values()]
        for row in range(len(next(iter(mart.columns.values()), [])[:TOP]))
    ]
    return Panel(mart, "Primeras filas", (list(mart.columns), first))


def _scores(mart: Mart) -> Panel | None:
    """La cuadrícula de las dos primeras puntuaciones de 1 a 5: cuántas filas hay en cada cruce."""
    names = [name for name, values in mart.columns.items() if _is_score(values)][:2]
    if len(names) < 2:
        return None
    across, down = names
    amount = _amount(mart)
    amounts = mart.columns[amount] if amount else repeat(None)
    cells = defaultdict(list)
    for x, y, value in zip(mart.columns[across], mart.columns[down], amounts, strict=False):
        cells[x, y].append(float(value or 0))
    series = [Series(f"{title(down)} {y}", [float(len(cells[x, y])) for x in SCORES], "c1") for y in reversed(SCORES)]
    hints = [
        f"{title(across)} {x}, {title(down)} {y}: {rows(len(cells[x, y]))}{_mean(amount, cells[x, y])}"
        for y in reversed(SCORES)
        for x in SCORES
    ]
    labels = [f"{title(across)} {x}" for x in SCORES]
    heading = f"Filas por {title(across)} y {title(down)}, de 1 a 5"
    table = (["", *labels], [[one.name, *map(number, one.values)] for one in series])
    return Panel(mart, heading, table, squares, Chart(heading, labels, series, hints))


def _is_score(values: list[Any]) -> bool:
    """Enteros de 1 a 5, todos y alguno repetido: un recuento pequeño o una clave no son una puntuación."""
    return len(values) > len(SCORES) and set(values) == set(SCORES) and all(type(value) is int for value in values)


def _mean(amount: str | None, values: list[float]) -> str:
    if amount is None or not values:
        return ""
    return f", {title(amount)} medio {number(sum(values) / len(values))} {unit(amount)}".rstrip()


def _by_date(mart: Mart) -> Panel | None:
    """Columnas por fecha; si hay una columna de texto con pocos valores, apiladas por ella."""
    when, amount = _first(mart, date), _amount(mart)
    if when is None or amount is None:
        return None
    split = _first(mart, str, lambda values: 2 <= len(set(values)) <= MOST_SERIES)
    sums: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    groups = mart.columns[split] if split else repeat(title(amount))
    for name, day, value in zip(groups, mart.columns[when], mart.columns[amount], strict=False):
        sums[name][day] += float(value or 0)
    # La serie mayor, abajo: su borde es el que mejor se compara.
    names, dates = sorted(sums, key=lambda name: -sum(sums[name].values())), sorted(set(mart.columns[when]))
    series = [Series(name, [sums[name][day] for day in dates], f"c{index}") for index, name in enumerate(names, 1)]
    suffix = f" {unit(amount)}".rstrip()
    hints = [
        f"{label(day)}: " + ", ".join(f"{one.name} {number(one.values[index])}{suffix}" for one in series)
        for index, day in enumerate(dates)
    ]
    by = f" y {title(split)}" if split else ""
    heading = f"{title(amount).capitalize()} por {title(when)}{by}{f', en {unit(amount)}' if unit(amount) else ''}"
    table = ([title(when), *names], [[label(day), *(number(sums[name][day]) for name in names)] for day in dates])
    return Panel(mart, heading, table, chart=Chart(heading, _months(dates), series, hints))


def _largest(mart: Mart) -> Panel | None:
    """Los diez mayores por el primer importe."""
    name, amount = _first(mart, str), _amount(mart)
    if name is None or amount is None:
        return None
    pairs = zip(mart.columns[name], (float(value or 0) for value in mart.columns[amount]), strict=True)
    largest = sorted(pairs, key=lambda pair: -pair[1])[:TOP]
    ranking = [(text, value, f"{number(value)} {unit(amount)}".rstrip()) for text, value in largest]
    table = ([title(name), amount], [[text, written] for text, _, written in ranking])
    return Panel(mart, f"Los {len(ranking)} primeros por {title(amount)}", table, ranking=ranking)


def _first(mart: Mart, kind: type, fits: Callable[[list[Any]], bool] = bool) -> str | None:
    """La primera columna que es toda de un tipo."""
    return next(
        (name for name, its in mart.columns.items() if fits(its) and all(isinstance(value, kind) for value in its)),
        None,
    )


def _amount(mart: Mart) -> str | None:
    """La columna que se dibuja: la primera con unidad; si ninguna la tiene, la primera con decimales."""
    numeric = [
        name
        for name, values in mart.columns.items()
        if values and all(value is None or isinstance(value, Decimal | float) for value in values)
    ]
    return next((name for name in numeric if unit(name)), next(iter(numeric), None))


def _months(dates: Sequence[date]) -> list[str]:
    """Si todas son del mismo año, basta el mes."""
    if len({day.year for day in dates}) == 1 and all(day.day == 1 for day in dates):
        return [label(day).split(" ")[0] for day in dates]
    return [label(day) for day in dates]
