"""Una fila en cuarentena, de su texto original a sus celdas por columna, y al revés.

El texto está escrito como su archivo: `header` y `written`, los que apuntó su carga, dicen cómo.
"""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

from etl.extract.jsonl import NUL, decode, text_of
from etl.extract.match import clean, plain_name
from extras.undeclared.detection.cut import Shape, split, split_loosely
from extras.undeclared.names import column_names


@dataclass(frozen=True)
class Writing:
    """Cómo se escriben las filas de una carga. `columns`: las de su tabla que están en el archivo."""

    columns: list[str]
    header: list[str]
    written: dict[str, Any] | None
    undeclared: bool

    @property
    def titles(self) -> list[tuple[str, ...]]:
        """Por cada columna del archivo, los nombres que puede tener en la tabla."""
        if self.undeclared:
            return [(name,) for name in column_names(self.header)]
        return [(clean(title), plain_name(title)) for title in self.header]

    def cells(self, raw: str) -> dict[str, str] | None:
        """Las celdas de una fila; nada si no tiene tantas como la cabecera: ninguna se corre de sitio."""
        values = split_raw(raw, self.header, self.written)
        if not values:
            return None
        known = {name: value for names, value in zip(self.titles, values, strict=True) for name in names}
        return {column: known.get(plain_name(column), known.get(column)) or "" for column in self.columns}

    def raw(self, before: str, cells: dict[str, str]) -> str:
        """La fila `before` con otras celdas, escrita como las de su archivo."""
        old = split_raw(before, self.header, self.written) or [None] * len(self.header)
        by_name = {plain_name(column): value for column, value in cells.items()} | cells
        values = [
            next((by_name[name] for name in names if name in by_name), value)
            for names, value in zip(self.titles, old, strict=True)
        ]
        if self.written is None or "delimiter" not in self.written:
            as_object = decode(before.encode()) is not None
            return json.dumps(dict(zip(self.header, values, strict=True)) if as_object else values, ensure_ascii=False)
        delimiter, quote = self.written["delimiter"], self.written["quote"]
        if len(delimiter) > 1 or not quote:
            return str(delimiter).join(value or "" for value in values)
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator="").writerow(values)
        return text.getvalue()


def split_raw(raw: str, header: list[str], written: dict[str, Any] | None) -> list[str | None]:
    """Los valores de una fila en cuarentena, o ninguno si no tiene tantos como la cabecera."""
    values: list[str | None] = []
    if written is None or "delimiter" not in written:
        values = _from_json(raw, header)
    else:
        line, shape = raw.rstrip("\r\n"), Shape(written["delimiter"], written["quote"], written["escape"])
        found = split(line, shape)
        values = list(found[0] if found else split_loosely(line, shape))
    return values if len(values) == len(header) else []


def _from_json(raw: str, header: list[str]) -> list[str | None]:
    """De un objeto, los valores de sus claves; de una lista (Excel, SQLite), los que hay."""
    if row := decode(NUL.sub(rb"\1", raw.encode())):  # un NUL no cabe en una celda: se ve el texto sin él
        return [text_of(row.get(name)) for name in header]
    try:
        cells = json.loads(raw)
    except ValueError:
        return []
    return [text_of(cell) for cell in cells] if isinstance(cells, list) else []
