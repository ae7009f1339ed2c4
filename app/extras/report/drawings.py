"""Las secciones con gráficos: volumen y velocidad de las cargas, y los marts."""

from etl.reader import many
from extras.report import svg
from extras.report.figures import Figures
from extras.report.marts import Panel, Ranking, panel
from extras.report.sections import LEGEND, RIGHT
from extras.report.text import MONTHS, esc, moment, number


def speed(figures: Figures) -> str:
    """Las últimas cargas, en orden: cuántas filas y a qué velocidad."""
    loads = figures.loads
    if not loads:
        return '<p class="empty">Sin cargas.</p>'
    rates = [one.rows_read / max(one.seconds, 0.001) for one in loads]
    # Bajo el eje, la hora de la primera carga de cada ejecución, que es donde cambia.
    times = [f"{one.started_at.day} {MONTHS[one.started_at.month - 1]} {one.started_at:%H:%M}" for one in loads]
    labels = [text if index == 0 or text != times[index - 1] else "" for index, text in enumerate(times)]
    hints = [
        f"{one.file}: {many(one.rows_read, 'fila')} en {number(one.seconds, 2)} s ({number(rate)} filas/s)"
        for one, rate in zip(loads, rates, strict=True)
    ]
    volume = svg.Chart(
        "Filas de cada carga",
        labels,
        [
            svg.Series("cargadas", [one.rows_loaded for one in loads], "good"),
            svg.Series("duplicadas", [one.rows_duplicate for one in loads], "twin"),
            svg.Series("rechazadas", [one.rows_rejected for one in loads], "bad"),
        ],
        hints,
    )
    pace = svg.Chart("Filas por segundo de cada carga", labels, [svg.Series("filas/s", rates, "c1")], hints)
    rows = [
        [one.file, moment(one.started_at), number(one.rows_read), number(one.seconds, 2), number(rate)]
        for one, rate in zip(loads, rates, strict=True)
    ]
    numbers = _numbers((["archivo", "cuándo", "filas", "segundos", "filas/s"], rows), text_columns=2)
    return (
        f'<div class="cards"><figure class="card"><figcaption>{volume.title}</figcaption>{LEGEND}'
        f"{svg.both_sizes(svg.columns, volume)}</figure>"
        f'<figure class="card"><figcaption>{pace.title}</figcaption><p class="hint">Los archivos pequeños salen lentos:'
        f" abrir y cerrar cuesta lo mismo para todos.</p>{svg.both_sizes(svg.line, pace)}</figure></div>{numbers}"
    )


def marts(figures: Figures) -> str:
    """Un gráfico por mart."""
    if not figures.marts:
        return '<p class="empty">Todavía no hay marts: se calculan al cargar.</p>'
    panels = [panel(mart) for mart in figures.marts]
    # Los gráficos, que son bajos, en una pila; las listas y las tablas, que son altas, en la otra.
    low = [one for one in panels if isinstance(one.drawing, tuple)]
    high = [one for one in panels if not isinstance(one.drawing, tuple)]
    piles = "".join(f'<div class="pile">{"".join(map(_panel, pile))}</div>' for pile in (low, high) if pile)
    return f'<div class="cards">{piles}</div>'


def _panel(one: Panel) -> str:
    if isinstance(one.drawing, Ranking):
        drawing = _ranking(one.drawing)
    elif one.drawing:
        draw, chart = one.drawing
        drawing = (_legend(chart) if draw is not svg.squares else "") + svg.both_sizes(draw, chart)
    else:
        drawing = ""
    return (
        f'<figure class="card"><figcaption>{esc(one.heading)}</figcaption><p class="hint"><code>marts.{esc(one.name)}</code>'
        f" {esc(one.grain)}</p>{drawing}{_numbers(one.table, is_open=one.drawing is None)}</figure>"
    )


def _legend(chart: svg.Chart) -> str:
    items = "".join(f'<li class="{one.style}">{esc(one.name)}</li>' for one in chart.series)
    return f'<ul class="legend">{items}</ul>' if len(chart.series) > 1 else ""


def _ranking(ranking: Ranking) -> str:
    most = max((value for _, value, _ in ranking.rows), default=1)
    items = "".join(
        f'<li><span class="what">{esc(name)}</span><span class="n">{esc(written)}</span>'
        f"{svg.bar([(value, 'c1')], most, f'{name}: {written}')}</li>"
        for name, value, written in ranking.rows
    )
    return f'<ol class="ranking">{items}</ol>'


def _numbers(table: tuple[list[str], list[list[str]]], text_columns: int = 1, is_open: bool = False) -> str:
    """Los mismos números en una tabla, para quien no ve el dibujo o quiere copiarlos."""
    names, rows = table
    head = "".join(
        f'<th scope="col"{RIGHT if index >= text_columns else ""}>{esc(name)}</th>' for index, name in enumerate(names)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{RIGHT if index >= text_columns else ''}>{esc(value)}</td>" for index, value in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return (
        f'<details class="numbers"{" open" if is_open else ""}><summary>Los números</summary>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Tabla">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )
