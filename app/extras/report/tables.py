"""La sección de las tablas: qué es cada columna, como lo dicen las declaraciones, y cómo son sus valores."""

from etl.reader import many
from extras.catalog.tables import Column, Table
from extras.profile.profile import NUMBERS, ColumnProfile, Profile
from extras.report import svg
from extras.report.figures import Figures
from extras.report.sections import RIGHT
from extras.report.text import esc, number, percent

# Los que caben junto a los demás datos de la columna.
FREQUENT = 3
TITLES = (
    ("columna", ""),
    ("valores", ' class="wide-cell"'),
    ("nulos", RIGHT),
    ("distintos", RIGHT),
    ("mínimo", ""),
    ("máximo", ""),
    ("más frecuentes", ""),
)


def tables(figures: Figures) -> str:
    """Una tabla tras otra, plegadas."""
    return "".join(_table(*one) for one in figures.tables) or '<p class="empty">Todavía no hay tablas.</p>'


def _table(table: Table, profile: Profile) -> str:
    head = "".join(f'<th scope="col"{kind}>{name}</th>' for name, kind in TITLES)
    body = "".join(_column(*one, profile.rows) for one in zip(table.columns, profile.columns, strict=False))
    more = len(table.columns) - len(profile.columns)
    hint = "" if profile.sampled is None else f"Aprox.: de una muestra de {many(profile.sampled, 'fila')}. "
    hint += f"Y {many(more, 'columna')} más." if more else ""
    name, hint = esc(table.full_name), f'<p class="hint">{hint}</p>' if hint else ""
    return (
        f'<details class="card table"><summary><h3>{name}</h3><span class="n">{many(profile.rows, "fila")}</span>'
        f'<span class="hint">{esc(table.comment)}</span></summary>{hint}'
        f'<table class="stack"><caption class="unseen">Columnas de {name}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
    )


def _said(value: str | None, its: ColumnProfile) -> str | None:
    """Un número, con coma: aquí el punto separa los millares."""
    return value.replace(".", ",") if value and its.type.partition("(")[0] in NUMBERS else value


def _column(column: Column, its: ColumnProfile, rows: int) -> str:
    links = [f"de {'.'.join(parent[1:])}" for parent in column.references]
    about = " · ".join([*(["clave"] if column.key else []), *links, its.type])
    said = f'<p class="hint">{esc(column.comment)}</p>' if column.comment not in (None, column.name) else ""
    shares = (
        (_said(value, its), percent(count, rows).replace(" ", "\N{NO-BREAK SPACE}"))
        for value, count in its.frequent[:FREQUENT]
    )
    frequent = ", ".join(f"{value} ({share})" for value, share in shares)
    nulls = f"{number(its.nulls)}{f' ({percent(its.nulls, rows)})' if its.nulls else ''}"
    cells = zip(
        TITLES[2:],
        (nulls, number(its.distinct), *(_said(edge, its) for edge in (its.minimum, its.maximum)), frequent),
        strict=True,
    )
    counted = "".join(f'<td{kind} data-name="{name}">{esc(value)}</td>' for (name, kind), value in cells)
    drawing = svg.bars(its.histogram, f"{column.name}: de {its.minimum} a {its.maximum}") if its.histogram else ""
    return (
        f'<tr><th scope="row">{esc(column.name)}{said}<small>{esc(about)}</small></th>'
        f'<td class="wide-cell">{drawing}</td>{counted}</tr>'
    )
