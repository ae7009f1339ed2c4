"""Dibujos: números -> SVG. Sin JavaScript; los colores los pone style.css con sus clases.

Cada gráfico se dibuja dos veces, ancho y estrecho, y la hoja de estilo enseña el que cabe: así el
texto mide lo mismo en un teléfono que en un monitor. Los números están también en una tabla.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from extras.report.text import esc, number, short

WIDE, NARROW, HEIGHT = 560, 330, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 26
# La casilla más oscura: con más, el número de encima dejaría de leerse en claro o en oscuro.
STRONGEST = 0.55
# Lo que ocupa cada letra de una etiqueta del eje horizontal, y lo que la separa de la siguiente.
LETTER, GAP = 6.6, 12
# Finales de eje y en cuántas partes se dividen, para que cada marca sea un número redondo.
MARKS = {1: 4, 1.5: 3, 2: 4, 3: 3, 4: 4, 5: 5, 6: 3, 8: 4}


@dataclass(frozen=True)
class Series:
    """Una serie de un gráfico; `style` es su clase de color (c1, c2... o good, twin, bad)."""

    name: str
    values: Sequence[float]
    style: str


@dataclass(frozen=True)
class Chart:
    """Lo que se dibuja. `labels` van bajo el eje; `hints`, al pasar el ratón, uno por posición."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    hints: Sequence[str]


Draw = Callable[[Chart, int], str]


def both_sizes(draw: Draw, chart: Chart) -> str:
    """El mismo gráfico para pantallas anchas y estrechas."""
    return "".join(
        f'<svg class="{name}" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{esc(chart.title)}">'
        f"{draw(chart, width)}</svg>"
        for name, width in (("wide", WIDE), ("narrow", NARROW))
    )


def columns(chart: Chart, width: int) -> str:
    """Columnas apiladas: una por etiqueta, con un tramo por serie."""
    totals = [sum(values) for values in zip(*(one.values for one in chart.series), strict=True)]
    top = nice_top(max(totals, default=0))
    step = (width - LEFT - RIGHT) / max(1, len(totals))
    bar = min(step * 0.72, 46)
    parts = [_grid(top, width), _labels(chart, width, step)]
    for index in range(len(totals)):
        x, base = LEFT + step * index + (step - bar) / 2, 0.0
        pieces = []
        for one in chart.series:
            value = one.values[index]
            if value > 0:
                y = _y(base + value, top)
                pieces.append(
                    f'<rect class="{one.style}" x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}"'
                    f' height="{max(_y(base, top) - y, 0.7):.1f}"/>'
                )
                base += value
        parts.append(f'<g class="hit">{"".join(pieces)}<title>{esc(chart.hints[index])}</title></g>')
    return "".join(parts)


def squares(chart: Chart, width: int) -> str:
    """Una cuadrícula: una fila por serie y una columna por etiqueta; más oscuro es más."""
    top = max((value for one in chart.series for value in one.values), default=0) or 1
    across, down = (width - LEFT - RIGHT) / len(chart.labels), (HEIGHT - TOP - BOTTOM) / len(chart.series)
    parts = []
    for row, one in enumerate(chart.series):
        y = TOP + down * row
        parts.append(f'<text x="{LEFT - 8}" y="{y + down / 2 + 4:.1f}" text-anchor="end">{esc(one.name)}</text>')
        for column, value in enumerate(one.values):
            x, strength = LEFT + across * column, 0.06 + (STRONGEST - 0.06) * value / top
            hint = chart.hints[row * len(chart.labels) + column]
            parts.append(
                f'<g class="hit"><rect class="{one.style}" x="{x + 1.5:.1f}" y="{y + 1.5:.1f}" rx="4"'
                f' width="{across - 3:.1f}" height="{down - 3:.1f}" fill-opacity="{strength:.2f}"/>'
                f'<text class="in" x="{x + across / 2:.1f}" y="{y + down / 2 + 4:.1f}" text-anchor="middle">'
                f"{number(value)}</text><title>{esc(hint)}</title></g>"
            )
    for column, text in enumerate(chart.labels):
        x = LEFT + across * (column + 0.5)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{esc(text)}</text>')
    return "".join(parts)


def bar(parts: Sequence[tuple[float, str]], whole: float, description: str) -> str:
    """Una barra horizontal que llena su hueco: tramos (valor, clase) sobre un total."""
    x, pieces = 0.0, []
    for value, style in parts:
        # Lo poco también se ve: como mínimo, medio punto de cien.
        share = max(100 * value / whole, 0.5) if whole and value else 0
        pieces.append(f'<rect class="{style}" x="{x:.2f}" y="0" width="{share:.2f}" height="10"/>')
        x += share
    return _stretched("bar", f"{max(x, 100):.2f} 10", description, pieces)


def bars(values: Sequence[float], description: str) -> str:
    """Un histograma pequeño, sin ejes: una barra por tramo, y lo poco también se ve."""
    most = max(values)
    tall = [max(round(30 * value / most), 1) if value else 0 for value in values]
    pieces = [f'<rect class="c1" x="{4 * x}" y="{30 - y}" width="3.4" height="{y}"/>' for x, y in enumerate(tall)]
    return _stretched("bars", f"{4 * max(12, len(values))} 30", description, pieces)


def _stretched(kind: str, size: str, description: str, pieces: Sequence[str]) -> str:
    """Un dibujo sin letras, que se estira para llenar su hueco."""
    return (
        f'<svg class="{kind}" viewBox="0 0 {size}" preserveAspectRatio="none" role="img"'
        f' aria-label="{esc(description)}"><title>{esc(description)}</title>{"".join(pieces)}</svg>'
    )


def nice_top(value: float) -> float:
    """El final del eje: el primer número redondo que no se queda corto."""
    if value <= 0:
        return 1
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (*MARKS, 10) if step * power >= value)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 2)


def _grid(top: float, width: int) -> str:
    marks = MARKS[round(top / 10.0 ** floor(log10(top)), 1)]
    lines = []
    for index in range(marks + 1):
        value = top * index / marks
        y = _y(value, top)
        lines.append(
            f'<line class="{"axis" if index == 0 else "grid"}" x1="{LEFT}" x2="{width - RIGHT}" y1="{y}" y2="{y}"/>'
        )
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{short(value)}</text>')
    return "".join(lines)


def _labels(chart: Chart, width: int, step: float) -> str:
    """Solo las etiquetas que caben sin tocarse, repartidas por igual; las vacías no cuentan."""
    filled = [index for index, text in enumerate(chart.labels) if text]
    half = LETTER * max((len(chart.labels[index]) for index in filled), default=0) / 2
    room = max(1, floor((width - LEFT - RIGHT) / (2 * half + GAP)))
    every = max(1, ceil(len(filled) / room))
    texts = []
    taken = 0.0
    for index in filled[::every]:
        x = min(max(LEFT + step * (index + 0.5), half), width - half)
        if x - half < taken:
            continue
        taken = x + half + GAP
        texts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{esc(chart.labels[index])}</text>')
    return "".join(texts)
