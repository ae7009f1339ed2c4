"""Los archivos de partida que `mutations.py` estropea: el corpus, los declarados y uno de cada formato."""

import io
import sqlite3
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
from openpyxl import Workbook
from pyarrow import parquet

from corpus.answers import cases
from own_sample import write_sample

# Con archivos de pocos KB caben cientos por minuto, y lo que se rompe con uno grande se rompe con ellos.
LONGEST = 40_000
JSON_LINES = '{"id": 1, "v": 1.10, "lugar": {"lat": 40.4, "a": [1, "x"]}}\n{"id": 2, "v": null, "t": "ñ€"}\n' * 9
JSON_SPREAD = '{\n  "id": 1,\n  "v": "a"\n}\n{\n  "id": 2,\n  "v": [1.50]\n}\n'


@dataclass(frozen=True)
class Seed:
    """Un archivo: la terminación de su nombre, con la que se decide cómo se lee, y sus bytes."""

    suffix: str
    data: bytes
    # Si tiene declaración, el nombre con el que se le aplica.
    declared: str | None = None


def seeds() -> list[Seed]:
    """Siempre los mismos y en el mismo orden: un archivo estropeado se repite por su número."""
    return [*_corpus(), *_declared(), *_formats()]


def _corpus() -> list[Seed]:
    return [Seed(".csv", case.path.read_bytes()[:LONGEST]) for case in cases()]


def _declared() -> list[Seed]:
    with tempfile.TemporaryDirectory() as name:
        write_sample(Path(name))
        return [
            Seed("".join(path.suffixes), path.read_bytes()[:LONGEST], path.name.split(".")[0])
            for path in sorted(Path(name).iterdir())
            if path.suffix in (".csv", ".jsonl")
        ]


def _formats() -> list[Seed]:
    listed = "[" + ",".join(JSON_LINES.splitlines()) + "]"
    return [
        Seed(".jsonl", JSON_LINES.encode()),
        Seed(".json", listed.encode()),
        Seed(".json", JSON_SPREAD.encode()),
        *[Seed(".xlsx", _workbook())] * 4,
        *[Seed(".sqlite", _sqlite())] * 4,
        *[Seed(".parquet", _parquet())] * 4,
        *[Seed(".zip", _zip())] * 4,
    ]


def _workbook() -> bytes:
    book, file = Workbook(), io.BytesIO()
    book.active.append(["Informe", None, None])
    book.active.append(["id", "importe", "día"])
    for number in range(1, 30):
        book.active.append([number, number / 8, datetime(2024, 1, number, number % 2)])
    book.create_sheet("otra").append(["a", "b"])
    book["otra"].append(["007", True])
    book.save(file)
    return file.getvalue()


def _sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA page_size = 512")
        connection.execute("CREATE TABLE uno (id INTEGER, v REAL, t TEXT, b BLOB)")
        rows = [(n, n / 8, f"texto {n}", bytes([n])) for n in range(60)]
        connection.executemany("INSERT INTO uno VALUES (?, ?, ?, ?)", rows)
        connection.execute('CREATE TABLE "dos ""x""" (a)')
        connection.commit()
        connection.close()
        return path.read_bytes()


def _parquet() -> bytes:
    file = io.BytesIO()
    table = pa.table(
        {
            "id": pa.array(range(50), pa.int32()),
            "v": pa.array([n / 8 for n in range(50)]),
            "f": pa.array([date(2024, 1, n % 28 + 1) for n in range(50)]),
            "t": pa.array([f"ñ{n}" if n % 3 else None for n in range(50)]),
            "l": pa.array([[n, n + 1] for n in range(50)]),
        }
    )
    parquet.write_table(table, file, row_group_size=20)
    return file.getvalue()


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("año.csv", "id;v\n1;2,5\n2;3,5\n" * 9)
        archive.writestr("sub/dos.jsonl", JSON_LINES)
    return file.getvalue()
