"""Las secciones de archivos y de calidad: cada función recibe los números y devuelve su HTML."""

from collections.abc import Sequence
from itertools import groupby

from etl.reader import many, order
from extras.output import MOTIVES
from extras.report import svg
from extras.report.figures import Change, Example, Figures, FileFate, Quality
from extras.report.text import esc, moment, number, percent, size

STATES = {
    "loaded": ("good", "✔", "cargado"),
    "replaced": ("twin", "↻", "reemplazado"),
    "refused": ("bad", "✖", "no se admite"),
    "failed": ("bad", "✖", "falló"),
    "loading": ("twin", "…", "a medias"),
}
# Los demás motivos se despliegan.
REASONS_SHOWN = 6
LEGEND = (
    '<ul class="legend"><li class="good">cargadas</li><li class="twin">duplicadas</li>'
    '<li class="bad">rechazadas</li></ul>'
)


def changes(figures: Figures) -> str:
    """Qué cambió en cada tabla la última vez que se cargó algo."""
    if not figures.changes:
        return ""
    items = "".join(f"<li><b>{esc(one.table_name)}</b> {' · '.join(_changed(one))}</li>" for one in figures.changes)
    when, seconds = min(one.started_at for one in figures.changes), sum(one.seconds for one in figures.changes)
    return (
        f'<section class="changes" aria-labelledby="t-cambios"><h2 id="t-cambios">Qué cambió</h2><p class="hint">La última'
        f" ejecución que cargó archivos, el {moment(when)}: {number(seconds, 2)} s cargando.</p><ul>{items}</ul></section>"
    )


def _changed(change: Change) -> list[str]:
    counted = (
        (change.files_new, "archivo nuevo", "archivos nuevos"),
        (change.files_again, "vuelto a cargar", "vueltos a cargar"),
        (change.files_outside, "archivo que no entró", "archivos que no entraron"),
        (change.rows_new, "fila nueva", "filas nuevas"),
        (change.rows_updated, "actualizada", "actualizadas"),
        (change.rows_rejected, "rechazada", "rechazadas"),
        (change.rows_repaired, "corregida", "corregidas"),
    )
    return [f"{number(count)} {one if count == 1 else many}" for count, one, many in counted if count]


def files(figures: Figures) -> str:
    """Cada archivo con su destino; primero los que no entraron."""
    if not figures.files:
        return f'<p class="empty">Todavía no se ha cargado ningún archivo. Ejecute <code>{order("run")}</code>.</p>'
    rows = "".join(map(_file, figures.files))
    head = "".join(f'<th scope="col"{kind}>{name}</th>' for name, kind in FILE_COLUMNS)
    return (
        f'{LEGEND}<table class="stack"><caption class="unseen">Archivos y qué fue de sus filas</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


RIGHT = ' class="n"'
FILE_COLUMNS = (
    ("archivo", ""),
    ("tabla", ""),
    ("filas", ' class="wide-cell"'),
    ("leídas", RIGHT),
    ("cargadas", RIGHT),
    ("duplicadas", RIGHT),
    ("rechazadas", RIGHT),
    ("tamaño", RIGHT),
    ("segundos", RIGHT),
)


def _file(fate: FileFate) -> str:
    style, mark, word = STATES[fate.status]
    notes = [f'<p class="note bad">{esc(fate.error)}</p>'] if fate.error else []
    notes += [f'<p class="note">{esc(warning)}</p>' for warning in fate.warnings]
    numbers = [fate.rows_read, fate.rows_loaded, fate.rows_duplicate, fate.rows_rejected]
    cells = [*(number(value) for value in numbers), size(fate.bytes), number(fate.seconds, 2)]
    counted = "".join(
        f'<td class="n" data-name="{name}">{value}</td>'
        for (name, _), value in zip(FILE_COLUMNS[3:], cells, strict=True)
    )
    return (
        f'<tr><th scope="row"><span class="state {style}"><span aria-hidden="true">{mark}</span>'
        f'<span class="unseen">{word}</span></span> {esc(fate.file)}{"".join(notes)}</th>'
        f'<td data-name="tabla">{esc(fate.table_name) or "—"}</td>'
        f'<td class="wide-cell">{_fate_bar(fate)}</td>{counted}</tr>'
    )


def _fate_bar(one: FileFate | Quality) -> str:
    parts = [(one.rows_loaded, "good"), (one.rows_duplicate, "twin"), (one.rows_rejected, "bad")]
    words = zip(parts, ("cargadas", "duplicadas", "rechazadas"), strict=True)
    text = ", ".join(f"{number(value)} {word}" for (value, _), word in words)
    return svg.bar(parts, one.rows_read, text)


def quality(figures: Figures) -> str:
    """Una tarjeta por tabla: cuánto pasó y, motivo a motivo, qué no pasó, con filas de ejemplo."""
    cards = []
    for one in figures.qualities:
        examples = [example for example in figures.examples if example.table_name == one.table_name]
        reasons = [list(group) for _, group in groupby(examples, key=lambda e: (e.column_name, e.code))]
        most = max((group[0].total for group in reasons), default=1)
        items = [_reason(group, most) for group in reasons]
        body = _folded(items) if items else "<p>Ninguna fila rechazada.</p>"
        cards.append(
            f'<article class="card"><h3>{esc(one.table_name)}</h3>'
            f'<p class="figure">{percent(one.rows_loaded, one.rows_read)}'
            f" <small>cargado, de {many(one.rows_read, 'fila')}</small></p>{_fate_bar(one)}{body}</article>"
        )
    return f'<div class="cards">{"".join(cards)}</div>' if cards else '<p class="empty">Sin cargas.</p>'


def _folded(items: Sequence[str]) -> str:
    """Los motivos más frecuentes a la vista y los demás plegados."""
    body = f'<ul class="reasons">{"".join(items[:REASONS_SHOWN])}</ul>'
    if len(items) <= REASONS_SHOWN + 1:
        return f'<ul class="reasons">{"".join(items)}</ul>'
    rest = "".join(items[REASONS_SHOWN:])
    return (
        f'{body}<details class="more"><summary>y {len(items) - REASONS_SHOWN} motivos más</summary>'
        f'<ul class="reasons">{rest}</ul></details>'
    )


def _reason(examples: Sequence[Example], most: int) -> str:
    first = examples[0]
    column = f"<b>{esc(first.column_name)}</b> " if first.column_name else ""
    reason = esc(MOTIVES.get(first.code, first.code))
    shown = "".join(
        f'<li><p>{esc(one.message)}</p><p class="where">{esc(one.file)}, línea {number(one.line)}</p>'
        f"<pre>{esc(one.raw)}</pre></li>"
        for one in examples
    )
    bar = svg.bar([(first.total, "bad")], most, many(first.total, "fila"))
    return (
        f'<li><details><summary><span class="what">{column}{reason}</span><span class="n">{number(first.total)}</span>'
        f'{bar}</summary><ul class="examples">{shown}</ul></details></li>'
    )
