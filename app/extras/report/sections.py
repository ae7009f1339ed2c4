"""Lo que dice cada sección del informe, sin HTML: de eso se encarga `page.html`."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from types import SimpleNamespace

from etl.reader import many
from extras.catalog.tables import Column
from extras.profile.profile import NUMBERS, ColumnProfile
from extras.report.figures import Row
from extras.report.svg import Chart, Series
from extras.report.text import MONTHS, moment, number, percent

STATES = {
    "loaded": ("good", "✔", "cargado"),
    "replaced": ("twin", "↻", "reemplazado"),
    "refused": ("bad", "✖", "no se admite"),
    "failed": ("bad", "✖", "falló"),
    "loading": ("twin", "…", "a medias"),
}
# Lo que hizo en una tabla la última ejecución, en singular y en plural.
CHANGES = {
    "files_new": ("archivo nuevo", "archivos nuevos"),
    "files_again": ("vuelto a cargar", "vueltos a cargar"),
    "files_outside": ("archivo que no entró", "archivos que no entraron"),
    "rows_new": ("fila nueva", "filas nuevas"),
    "rows_updated": ("actualizada", "actualizadas"),
    "rows_rejected": ("rechazada", "rechazadas"),
    "rows_repaired": ("corregida", "corregidas"),
}
TOTALS = ("files", "rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_repaired")
# Los demás motivos se despliegan; los demás valores no caben junto a los otros datos de la columna.
REASONS_SHOWN, FREQUENT = 6, 3


def total(qualities: Sequence[Row]) -> SimpleNamespace:
    """Las cuentas de todas las tablas."""
    return SimpleNamespace(**{name: sum(getattr(one, name) for one in qualities) for name in TOTALS})


def changed(change: Row) -> Iterator[str]:
    """Qué cambió en una tabla, sin lo que no cambió."""
    for name, (one, several) in CHANGES.items():
        if count := getattr(change, name):
            yield f"{number(count)} {one if count == 1 else several}"


def reasons(examples: Sequence[Row], table: str) -> list[list[Row]]:
    """Los motivos por los que se apartaron filas de una tabla, de más a menos; de cada uno, sus ejemplos."""
    its = [one for one in examples if one.table_name == table]
    return [list(group) for _, group in groupby(its, key=lambda one: (one.column_name, one.code))]


def speed(loads: Sequence[Row]) -> tuple[Chart, Chart, list[list[str]]]:
    """Las últimas cargas, en orden: cuántas filas, a qué velocidad y los mismos números para una tabla."""
    rates = [one.rows_read / max(one.seconds, 0.001) for one in loads]
    # Bajo el eje, la hora de la primera carga de cada ejecución, que es donde cambia.
    times = [f"{one.started_at.day} {MONTHS[one.started_at.month - 1]} {one.started_at:%H:%M}" for one in loads]
    labels = [text if index == 0 or text != times[index - 1] else "" for index, text in enumerate(times)]
    hints = [
        f"{one.file}: {many(one.rows_read, 'fila')} en {number(one.seconds, 2)} s ({number(rate)} filas/s)"
        for one, rate in zip(loads, rates, strict=True)
    ]
    fates = [
        Series("cargadas", [one.rows_loaded for one in loads], "good"),
        Series("duplicadas", [one.rows_duplicate for one in loads], "twin"),
        Series("rechazadas", [one.rows_rejected for one in loads], "bad"),
    ]
    rows = [
        [one.file, moment(one.started_at), number(one.rows_read), number(one.seconds, 2), number(rate)]
        for one, rate in zip(loads, rates, strict=True)
    ]
    pace = Chart("Filas por segundo de cada carga", labels, [Series("filas/s", rates, "c1")], hints)
    return Chart("Filas de cada carga", labels, fates, hints), pace, rows


def about(column: Column, its: ColumnProfile) -> list[str]:
    """«clave · de madres.madre_id · bigint», por partes."""
    links = [f"de {'.'.join(parent[1:])}" for parent in column.references]
    return [*(["clave"] if column.key else []), *links, its.type]


def edge(value: str | None, its: ColumnProfile) -> str:
    """Un valor de una columna; un número, con coma: aquí el punto separa los millares."""
    return (value or "").replace(".", ",") if its.type.partition("(")[0] in NUMBERS else value or ""


def frequent(its: ColumnProfile, rows: int) -> Iterator[str]:
    """«Madrid (14,3 %)», de los valores más frecuentes."""
    for value, count in its.frequent[:FREQUENT]:
        share = percent(count, rows).replace(" ", "\N{NO-BREAK SPACE}")
        yield f"{edge(value, its)} ({share})"
