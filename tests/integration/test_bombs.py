"""Archivos pequeños que piden mucho: cada uno se rechaza con poca memoria, o se carga; los demás siguen.

Se hacen aquí, uno de cada clase, y se cargan en otro proceso, para medir lo que llegó a ocupar.
"""

import gzip
import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from etl.extract.source import decompressed, opened
from etl.settings import Settings
from extras.formats.archives import members
from extras.formats.parquet import open_parquet
from extras.formats.sqlite import open_table
from loader import environment
from own_rows import query

pytestmark = pytest.mark.any_server

MB = 1 << 20
# Lo más que puede ocupar la carga; y lo que la para si un día se descontrola.
MOST, ALARM = 500 * MB, 4096 * MB
# Los megabytes que salen de cada una: más que lo que se admite, y más de doscientas veces lo que ocupa.
BIG = 200
SWOLLEN = "Descomprimido ocupa más de 200 veces lo que comprimido: parece una bomba."
SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def small_book(path: Path, *cells: str) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for cell in cells:
        book.active[cell] = "id"
    book.save(path)


def rewritten(path: Path, part: str, content: Iterable[bytes]) -> None:
    """El mismo libro, con otra cosa en una de sus partes."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, whole in parts.items():
            with book.open(name, "w", force_zip64=True) as file:
                file.writelines(content if name == part else [whole])


def enormous_cell(path: Path) -> None:
    small_book(path, "A1")
    start = f'<worksheet {NAMESPACE}><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>'
    end = "</t></is></c></row></sheetData></worksheet>"
    rewritten(path, SHEET, [start.encode(), *[b"a" * MB] * BIG, end.encode()])


def last_cell(path: Path) -> None:
    small_book(path, "XFD1048576")


def both_corners(path: Path) -> None:
    small_book(path, "A1", "XFD1048576")


def many_strings(path: Path) -> None:
    small_book(path, "A1")
    cell = '<c r="A{0}" t="s"><v>0</v></c>'
    rows = "".join(f'<row r="{line}">{cell.format(line)}</row>' for line in (1, 2))
    rewritten(path, SHEET, [f"<worksheet {NAMESPACE}><sheetData>{rows}</sheetData></worksheet>".encode()])
    strings = f'<sst {NAMESPACE} count="4000000000" uniqueCount="4000000000"><si><t>id</t></si></sst>'
    with zipfile.ZipFile(path, "a") as book:
        book.writestr("xl/sharedStrings.xml", strings)


def computed(path: Path, *columns: str, rows: int) -> None:
    with sqlite3.connect(path) as connection:
        added = "".join(f", g{at} TEXT AS ({column})" for at, column in enumerate(columns))
        connection.execute(f"CREATE TABLE bomba (id INTEGER{added})")
        connection.executemany("INSERT INTO bomba (id) VALUES (?)", [(number,) for number in range(rows)])
    connection.close()


def enormous_rows(path: Path) -> None:
    computed(path, "hex(zeroblob(225000000))", rows=1)


def wide_rows(path: Path) -> None:
    computed(path, *["hex(zeroblob(3900000))"] * 300, rows=1)


def only_nulls(path: Path) -> None:
    table = pa.table({"vacia": pa.nulls(MB, pa.int32())})
    with parquet.ParquetWriter(path, table.schema) as writer:
        for _ in range(200):
            writer.write_table(table)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomba.csv", "w") as file:
        file.writelines([b"a\n", *[b"1\n" * (MB // 2)] * BIG])


def gzipped(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        file.writelines([b"a\n", *[b"1\n" * (MB // 2)] * BIG])


def gzip_in_zip(path: Path) -> None:
    inner = path.with_suffix(".csv.gz")
    gzipped(inner)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "bomba.csv.gz")
    inner.unlink()


BOMBS: dict[str, Any] = {
    "celda.xlsx": (enormous_cell, SWOLLEN),
    "esquinas.xlsx": (both_corners, "El libro pide mucha más memoria de la que le corresponde"),
    "textos.xlsx": (many_strings, "El libro pide mucha más memoria de la que le corresponde"),
    "filas.sqlite": (enormous_rows, "Sus columnas calculadas dan valores enormes: string or blob too big."),
    "anchas.sqlite": (wide_rows, SWOLLEN),
    "nulos.parquet": (only_nulls, SWOLLEN),
    "bomba.zip": (zipped, SWOLLEN),
    "filas.csv.gz": (gzipped, SWOLLEN),
    "otra.zip": (gzip_in_zip, SWOLLEN),
}
# Lo que asusta y no es nada: se carga.
HARMLESS: dict[str, Any] = {"ultima.xlsx": last_cell}


# La orden, con un límite de memoria; al acabar dice lo más que ocuparon ella o un proceso de los que lanzó.
MEASURED = """
import atexit, re, resource, sys, wiring
def tell():
    own = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
    print(max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss), file=sys.stderr)
atexit.register(tell)
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv.pop(1)),) * 2)
wiring.main(sys.argv[1:])
"""


def measured(settings: Settings, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Los bytes que llegó a ocupar la orden `etl`, y lo que cuenta de cada archivo."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(ALARM), *arguments, "--json"],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    return int(done.stderr.splitlines()[-1]) << 10, json.loads(done.stdout)["files"]


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Una carpeta con todas, y un archivo bueno."""
    folder = tmp_path_factory.mktemp("bombas")
    for name, make in {**{name: make for name, (make, _) in BOMBS.items()}, **HARMLESS}.items():
        make(folder / name)
    (folder / "bueno.csv").write_text("id,v\n1,5\n")
    return folder


def refusals(files: list[dict[str, Any]]) -> dict[str, str]:
    """Por qué no se lee cada archivo, hasta donde se sabe aquí lo que dirá."""
    reasons = {file["file"].partition("/")[0]: file["reason"] for file in files if file["reason"]}
    return {name: reason[: len(BOMBS.get(name, ("", reason))[1])] for name, reason in reasons.items()}


def test_a_bomb_is_refused_before_it_goes_off_and_the_rest_is_loaded(settings: Settings, bombs: Path) -> None:
    most, files = measured(replace(settings, datos_dir=bombs), "run")
    assert refusals(files) == {name: said for name, (_, said) in BOMBS.items()}
    assert sorted(file["file"] for file in files if file["status"] == "loaded") == sorted(["bueno.csv", *HARMLESS])
    assert most < MOST
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'staging' ORDER BY 1"
    assert query(settings, tables) == ["bueno", "ultima"]


def test_a_bomb_does_not_go_off_when_it_is_looked_into(settings: Settings, bombs: Path) -> None:
    most, files = measured(replace(settings, datos_dir=bombs), "inspect", str(bombs))
    assert refusals(files) == {name: said for name, (_, said) in BOMBS.items()}
    assert most < MOST


def test_rows_with_enormous_values_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    """Lo que de verdad está guardado no es una bomba, pero veinte mil filas de un megabyte no caben a la vez."""
    texts = tmp_path / "textos.parquet"
    parquet.write_table(pa.table({"texto": [f"{n}" * MB for n in range(10, 30)]}), texts)
    photos = tmp_path / "fotos.sqlite"
    with sqlite3.connect(photos) as connection:
        connection.execute("CREATE TABLE fotos (foto BLOB)")
        connection.executemany("INSERT INTO fotos VALUES (randomblob(?))", [(2 * MB,)] * 20)
    connection.close()
    for chunks in (open_parquet(texts).chunks({"a": 0}), open_table(photos, "fotos").chunks({"a": 0})):
        sizes = [len(chunk.lines) for chunk in chunks]
        assert (sum(sizes), max(sizes) <= 5) == (20, True), sizes


def test_a_file_that_only_begins_like_a_bomb_is_read(tmp_path: Path) -> None:
    """Un sensor parado: 75 MB de filas iguales, que comprimen mil veces, y después datos de verdad."""
    content = b"E1;0.00;0.00;0.00\n" * 4_200_000 + b"".join(b"%x\n" % hash(n * 0.1) for n in range(300_000))
    path = tmp_path / "sensor.csv.gz"
    path.write_bytes(gzip.compress(content, 6))
    [source] = members(path, path.name, [])
    with opened(source) as file, decompressed(source, file) as stream:
        assert sum(len(data) for data in iter(lambda: stream.read(MB), b"")) == len(content)
