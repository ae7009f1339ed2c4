"""La cuarentena en un CSV (`etl rejects --csv`), para corregirlo y volver a cargarlo.

El CSV lleva las columnas de su tabla más `_archivo`, `_linea`, `_motivo` y `_fila` (la original).
Las que empiezan por «_» no se cargan, así que el archivo corregido se carga tal cual.
"""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from etl.database.connection import connect
from etl.dialect import Dialect
from etl.errors import UsageError
from etl.extract.jsonl import decode, text_of
from etl.extract.match import clean, plain_name
from etl.plain import pattern, table_columns
from etl.reader import program
from etl.schema import Declared
from etl.settings import Settings
from extras.output import new_file
from extras.quarantine.corrected import EXPLAINED
from extras.undeclared import staging
from extras.undeclared.detection.cut import Shape, split
from extras.undeclared.names import column_names

# Una hoja de cálculo ejecuta lo que empieza así; el apóstrofo lo deja en texto (OWASP, «CSV injection»).
# Lo que ya llevaba uno lleva otro: al cargarlo se quita solo uno.
FORMULA = re.compile(r"^'*(\s*[=+\-@]|[\t\r])")
NUMBER = re.compile(r"^[+-]?[0-9][0-9.,]*$")

ROWS = (
    "SELECT l.table_name, l.file, l.header, l.dialect, r.line, r.raw, r.message FROM etl.rejects AS r JOIN etl.loads AS l"
    " USING (load_id) WHERE l.status = 'loaded' AND l.table_name LIKE %(table)s AND r.code <> 'filtered'"
    " ORDER BY l.load_id, r.line"
)


def export_rejects(settings: Settings, dataset: str | None, path: Path, declared: list[Declared]) -> int:
    """Escribe en un CSV las filas en cuarentena de una tabla y devuelve cuántas son.

    Lanza `UsageError` si no se dice de qué tabla: cada una tiene sus columnas.
    """
    if dataset is None:
        raise UsageError(
            "Diga de qué tabla son las filas.",
            f"Por ejemplo: {program()} rejects TABLA --csv datos/salida/corregir.csv",
        )
    known = next((item for item in declared if dataset in (item.table.table, item.table.name)), None)
    dialect = known.dialect if known else Dialect()
    with connect(settings) as connection:
        rows = connection.execute(ROWS, {"table": pattern(dataset)}).fetchall()
        # Las que calcula la transformación no están en el archivo: al volver a cargarlo se calculan otra vez.
        columns = known.in_file.names if known else table_columns(connection, dataset)
    with new_file(path, "Escríbalo en datos/salida, que es para eso.") as file:
        # Con BOM: un Excel en español lo abre bien.
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        writer = csv.writer(text, delimiter=dialect.delimiter)
        writer.writerow([*columns, *EXPLAINED])
        for row in rows:
            writer.writerow(_cells(columns, *row))
        text.flush()
    return len(rows)


def _cells(
    columns: list[str], table: str, file: str, header: list[str] | None, written: dict[str, Any] | None,
    line: int, raw: str, message: str,
) -> list[str]:  # fmt: skip
    """Una fila del CSV: sus valores, en el orden de la tabla, y lo que la explica."""
    known = _by_column(table, header or [], split_raw(raw, header or [], written))
    values = [known.get(plain_name(column)) or "" for column in columns]
    return list(map(_harmless, [*values, file, str(line), message, raw]))


def _by_column(table: str, header: list[str], values: list[str | None]) -> dict[str, str | None]:
    """Los valores de una fila por el nombre de su columna en la tabla; ninguno si no se pudieron separar."""
    if values and table.startswith(f"{staging.SCHEMA}."):
        return dict(zip(column_names(header), values, strict=True))
    pairs = zip(header, values, strict=False)
    return {name: value for title, value in pairs for name in (clean(title), plain_name(title))}


def split_raw(raw: str, header: list[str], written: dict[str, Any] | None) -> list[str | None]:
    """Los valores de una fila en cuarentena, o ninguno si no tiene tantos como la cabecera: nada se corre de sitio."""
    values: list[str | None]
    if written is None or "delimiter" not in written:
        values = _from_json(raw, header)
    elif len(written["delimiter"]) > 1:
        found = split(raw, Shape(written["delimiter"], written["quote"], written["escape"]))
        values = list(found[0]) if found else []
    else:
        quote = written["quote"]
        rows = csv.reader(
            raw.splitlines(keepends=True),
            delimiter=written["delimiter"],
            quotechar=quote,
            escapechar=written["escape"],
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        )
        try:
            values = list(next(rows, []))
        except csv.Error:  # unas comillas que nadie cerró
            values = []
    return values if len(values) == len(header) else []


def _from_json(raw: str, header: list[str]) -> list[str | None]:
    """De un objeto, los valores de sus claves; de una lista (Excel, SQLite), los que hay."""
    if row := decode(raw.encode()):
        return [text_of(row.get(name)) for name in header]
    try:
        cells = json.loads(raw)
    except ValueError:
        return []
    return [text_of(cell) for cell in cells] if isinstance(cells, list) else []


def _harmless(cell: str) -> str:
    """La celda sin nada que una hoja de cálculo pueda ejecutar; los números se quedan como están."""
    cell = str(cell)
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.match(cell) else cell
