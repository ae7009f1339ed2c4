"""La cuarentena en un CSV (`etl rejects --csv`), para corregirlo y volver a cargarlo.

El CSV lleva las columnas de su tabla más `_archivo`, `_carga`, `_linea`, `_sello`, `_motivo` y `_fila` (la original). Se
corrige en las columnas o, si la fila no se pudo separar y están vacías, en `_fila`. Lo carga `correction.py`.
"""

import csv
import io
import shlex
from collections import Counter
from pathlib import Path

from etl.database.connection import connect
from etl.errors import UsageError
from etl.plain import pattern, table_columns
from etl.reader import program
from etl.schema import Declared
from etl.settings import Settings
from extras.output import free, new_file
from extras.quarantine.cells import Writing
from extras.quarantine.corrected import EXPLAINED, seal
from extras.quarantine.formula import harmless
from extras.undeclared import staging

# Aquí sus valores ya están separados.
AS_IT_IS = "comillas fuera de sitio o sin cerrar; corrija sus valores o, si están bien aquí, borre este motivo"
ROWS = (
    "SELECT l.table_name, l.header, l.dialect, l.file, l.load_id, r.line, r.code, r.message, r.raw FROM etl.rejects AS r"
    " JOIN etl.loads AS l USING (load_id) WHERE l.status = 'loaded' AND l.table_name LIKE %(table)s"
    " AND r.code NOT IN ('filtered', 'repaired') ORDER BY l.load_id, r.line"
)


def export_rejects(settings: Settings, dataset: str | None, path: Path, declared: list[Declared]) -> int:
    """Escribe en un CSV las filas en cuarentena de una tabla y devuelve cuántas son.

    Lanza `UsageError` si no se dice de qué tabla (cada una tiene sus columnas), o si ya hay un archivo con ese
    nombre que dice otra cosa: puede que alguien lo esté corrigiendo.
    """
    if dataset is None:
        raise UsageError(
            "Diga de qué tabla son las filas.",
            f"Por ejemplo: {program()} rejects TABLA --csv datos/salida/corregir.csv",
        )
    known = next((item for item in declared if dataset in (item.table.table, item.table.name)), None)
    with connect(settings) as connection:
        rows = connection.execute(ROWS, {"table": pattern(dataset)}).fetchall()
        # Las que calcula la transformación no están en el archivo: al volver a cargarlo se calculan otra vez.
        columns = known.in_file.names if known else table_columns(connection, dataset)
    content = _content(columns, rows, known.dialect.delimiter if known else ",")
    if path.is_file() and path.read_bytes() != content:
        raise UsageError(
            f"«{path}» ya existe y no es lo que hay ahora en cuarentena: quizá sea suyo.",
            f"Escriba con otro nombre: {program()} rejects {dataset} --csv {shlex.quote(str(free(path)))}",
        )
    with new_file(path, "Escríbalo en datos/salida, que es para eso.") as file:
        file.write(content)
    return len(rows)


def _content(columns: list[str], rows: list[tuple], delimiter: str) -> bytes:  # type: ignore[type-arg]
    """El CSV, con el separador más común en los archivos de que salió y BOM: un Excel en español lo abre en columnas."""
    marks = Counter(row[2]["delimiter"] for row in rows if row[2] and len(row[2].get("delimiter", "")) == 1)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=max(marks, key=marks.__getitem__, default=delimiter))
    writer.writerow([*columns, *EXPLAINED])
    for table, header, written, file, load_id, line, code, message, raw in rows:
        writing = Writing(columns, header or [], written, table.startswith(f"{staging.SCHEMA}."))
        cells = writing.cells(raw) or {}
        explained = [file, load_id, line, seal(raw), AS_IT_IS if cells and code == "quote" else message, raw]
        writer.writerow(harmless(cell) for cell in [*(cells.get(name, "") for name in columns), *explained])
    return text.getvalue().encode("utf-8-sig")
