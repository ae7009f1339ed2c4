"""Lo que `etl inspect` ve de un archivo, para leerlo de un vistazo en el terminal."""

import shlex

from rich import box
from rich.console import Console
from rich.table import Table

from etl.reader import many, order, rows, thousands
from extras.output import escape, place
from extras.undeclared import staging
from extras.undeclared.inspection import ColumnFacts, Inspection, Refused

MARKS = {",": "coma", ";": "punto y coma", "\t": "tabulador", "|": "barra vertical", " ": "espacio"}
LINE_ENDS = {"\n": "LF (Unix)", "\r\n": "CRLF (Windows)", "\r": "CR (Mac antiguo)"}
# Con menos ancho sobra la columna de la forma.
WIDE = 100
WIDTH, REJECTS = 30, 5


def show(inspection: Inspection | Refused, declarable: bool) -> None:
    """Cómo está escrito, sus columnas, los avisos y las filas que apartaría; o por qué no se puede leer.

    `declarable`: si se le puede escribir una declaración.
    """
    console = Console()
    if isinstance(inspection, Refused):
        console.print(f"[red]✖[/] {escape(inspection.source.name)}: {escape(inspection.reason)}", highlight=False)
        return
    console.print(f"[bold]{escape(inspection.source.name)}[/] → {inspection.table}", highlight=False)
    for label, value in _writing(inspection):
        console.print(f"  [dim]{label:<13}[/]{escape(value)}", highlight=False)
    console.print(_columns(inspection, console.width >= WIDE))
    for warning in inspection.warnings:
        console.print(f"[yellow]![/] {escape(warning)}", highlight=False)
    for reject in inspection.rejects[:REJECTS]:
        text = f"línea {reject.line}: {reject.message} · {reject.raw[:60]}"
        console.print(f"[red]✖[/] {escape(text)}", highlight=False)
    if inspection.rejected > REJECTS:
        console.print(f"  … y {rows(inspection.rejected - REJECTS)} más.")
    path = shlex.quote(place(inspection.source.path))
    told = f"Cárguelo con: {order(f'run {path}')}"
    if declarable:
        told += f" · Declárelo con: {order(f'new {path}')}"
    console.print(escape(told), highlight=False, soft_wrap=True)


def _writing(inspection: Inspection) -> list[tuple[str, str]]:
    found = inspection.found
    lines = [("filas", f"{many(inspection.rows, 'buena')}, {many(inspection.rejected, 'apartada')}")]
    if found.encoding:
        lines.append(("codificación", found.encoding))
    if found.detected is not None:
        dialect, mark = found.detected.dialect, found.detected.delimiter
        quote = f"comillas {dialect.quote}" if dialect.quote else "sin comillas"
        escape_mark = f", escape {dialect.escape}" if dialect.escape else ""
        lines += [
            ("separador", f"{MARKS.get(mark, repr(mark))}; {quote}{escape_mark}"),
            ("fin de línea", LINE_ENDS[found.detected.line_end]),
            ("cabecera", _heading(found.detected.header_rows, dialect.preamble_rows)),
            *(("por qué", reason) for reason in inspection.reasons),
        ]
    return lines


def _heading(header_rows: int, preamble: int) -> str:
    what = {0: "no tiene", 1: "una fila"}.get(header_rows, f"{header_rows} filas unidas en una")
    return f"{what}; {many(preamble, 'línea')} antes" if preamble else what


def _columns(inspection: Inspection, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1) if wide else 0)
    for title in ("columna", "tipo", *(["forma"] if wide else [])):
        table.add_column(title, no_wrap=True, min_width=min(len(title), WIDTH), max_width=WIDTH)
    for title in ("nulos", "distintos"):
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    table.add_column("ejemplos", no_wrap=True, max_width=60 if wide else 24)
    for column in inspection.columns:
        table.add_row(*map(escape, _row(column, wide)))
    return table


def _row(column: ColumnFacts, wide: bool) -> tuple[str, ...]:
    form = column.plan.format.name if column.plan.format else ""
    distinct = "muchos" if column.distinct is None else thousands(column.distinct)
    examples = " · ".join(example.replace("\n", "⏎") for example in column.examples)
    shown = (column.plan.name, staging.sql_type(column.plan), *([form] if wide else []))
    return *shown, thousands(column.nulls), distinct, examples
