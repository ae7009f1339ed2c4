"""Un archivo de muchas filas, en cada formato: unas las lee el hilo que lo abre y otras el que se adelanta."""

import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from etl.settings import Settings
from own_rows import query, run_with

# Más que las primeras que se miran (10.000) y que el primer trozo de cualquier formato (65.536).
ROWS = 70_000
CSV = "id,nombre\n" + "".join(f"{number},fila {number}\n" for number in range(ROWS))


def sqlite_file(folder: Path) -> Path:
    path = folder / "filas.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE filas (id INTEGER, nombre TEXT)")
        rows = ((number, f"fila {number}") for number in range(ROWS))
        connection.executemany("INSERT INTO filas VALUES (?, ?)", rows)
    connection.close()
    return path


def workbook(folder: Path) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["id", "nombre"])
    for number in range(ROWS):
        sheet.append([number, f"fila {number}"])
    book.save(folder / "filas.xlsx")
    return folder / "filas.xlsx"


def parquet_file(folder: Path) -> Path:
    names = [f"fila {number}" for number in range(ROWS)]
    parquet.write_table(pa.table({"id": range(ROWS), "nombre": names}), folder / "filas.parquet")
    return folder / "filas.parquet"


def json_lines(folder: Path) -> Path:
    path = folder / "filas.jsonl"
    lines = ({"id": number, "nombre": f"fila {number}"} for number in range(ROWS))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def csv_in_zip(folder: Path) -> Path:
    path = folder / "filas.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("filas.csv", CSV)
    return path


def inside(write: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """El mismo archivo, dentro de un `.zip`."""

    def write_zip(folder: Path) -> Path:
        path = write(folder)
        with zipfile.ZipFile(folder / "filas.zip", "w") as archive:
            archive.write(path, path.name)
        path.unlink()
        return folder / "filas.zip"

    return write_zip


EVERY = [
    pytest.param(sqlite_file, id="sqlite"),
    pytest.param(workbook, id="xlsx"),
    pytest.param(parquet_file, id="parquet"),
    pytest.param(json_lines, id="jsonl"),
    pytest.param(csv_in_zip, id="csv en un zip"),
    pytest.param(inside(workbook), id="xlsx en un zip"),
    pytest.param(inside(parquet_file), id="parquet en un zip"),
]


@pytest.mark.parametrize("write", EVERY)
def test_a_file_of_many_rows_is_loaded_whole(settings: Settings, write: Callable[[Path], Path]) -> None:
    [file] = run_with(settings, [], write(settings.datos_dir)).files
    assert (file.reason, file.status, file.counts.read) == (None, "loaded", ROWS)
    assert query(settings, f"SELECT count(*), sum(id), max(nombre) FROM {file.table}") == [
        (70_000, 2_449_965_000, "fila 9999")
    ]
