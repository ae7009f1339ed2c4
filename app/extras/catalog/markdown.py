"""El diccionario de datos en Markdown: el diagrama de las claves foráneas (Mermaid) y cada tabla, columna a columna."""

import re
from collections.abc import Iterator, Sequence

from annotated_types import MaxLen

from etl.rules import expectation
from etl.schema import Declared
from extras.catalog.tables import Column, Table

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def markdown(tables: Sequence[Table], declared: Sequence[Declared]) -> str:
    """Qué es cada tabla y cada columna, lo que se les exige y cómo se enlazan."""
    known = {one.table.name: one for one in declared}
    parts = ["# Diccionario de datos", *_diagram(tables)]
    parts += [part for table in tables for part in _table(table, known.get(table.full_name))]
    return "\n\n".join(parts) + "\n"


def _diagram(tables: Sequence[Table]) -> Iterator[str]:
    """Las tablas que se enlazan, con sus claves: los demás nombres están debajo."""
    links = [(table, column, parent) for table in tables for column in table.columns for parent in column.references]
    if not links:
        return
    linked = {(table.schema, table.name) for table, _, _ in links} | {
        (schema, name) for _, _, (schema, name, _) in links
    }
    lines = ["```mermaid", "erDiagram"]
    for table, column, (_, parent, _) in links:
        lines.append(
            f"  {_entity(parent)} {'|o' if column.nullable else '||'}--o{{ {_entity(table.name)} : {_word(column.name)}"
        )
    for table in tables:
        if (table.schema, table.name) in linked:
            keys = [column for column in table.columns if column.key or column.references]
            lines += [f"  {_entity(table.name)} {{", *(f"    {_attribute(column)}" for column in keys), "  }"]
    yield "\n".join([*lines, "```"])


def _entity(name: str) -> str:
    return name if PLAIN.fullmatch(name) else '"' + re.sub(r'["\\%]', "_", name) + '"'


def _word(text: str) -> str:
    """En Mermaid, el nombre y el tipo de una columna solo llevan letras de ASCII, cifras y guiones bajos."""
    return re.sub(r"^(?=\d)|[^A-Za-z0-9_]", "_", text)


def _attribute(column: Column) -> str:
    marks = [mark for mark, there in (("PK", column.key), ("FK", column.references)) if there]
    return f"{_word(column.base)} {_word(column.name)} {', '.join(marks)}"


def _table(table: Table, declared: Declared | None) -> Iterator[str]:
    yield f"## {_text(table.full_name)}"
    if table.comment:
        yield _text(table.comment)
    rules = {column.name: column.rules for column in declared.rows.columns} if declared else {}
    # De lo que nadie declaró solo se saben los nombres y los tipos.
    titles = ["columna", "tipo", "qué es", "se espera"][: 4 if declared else 2]
    rows = [_row(titles), _row(["---"] * len(titles))]
    for column in table.columns:
        wanted = [expectation(rule) for rule in rules.get(column.name, ()) if not isinstance(rule, MaxLen)]
        told = ["clave"] * column.key + [f"existe en {name}" for _, name, _ in column.references] + wanted
        told += ["puede faltar"] * column.nullable
        cells = (f"`{column.name}`", column.type, column.comment or "", "; ".join(told))
        rows.append(_row(cells[: len(titles)]))
    yield "\n".join(rows)
    if declared and declared.rows.checks:
        yield f"Además, {'; '.join(_text(check.message) for check in declared.rows.checks)}."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_text, cells))} |"


def _text(text: str) -> str:
    """En una línea y sin nada que parta la celda o sea HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
