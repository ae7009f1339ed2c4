"""Un archivo que rompe lo que sea acaba él solo como fallido o rechazado: los demás se cargan."""

import json
from datetime import datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from etl.extract.source import Source
from etl.load.ledger import Counts
from etl.run import Progress
from etl.settings import Settings
from extras.undeclared.inspection import Refused, look_or_refuse
from loader import etl
from own_rows import PRODUCTOS, load, load_one, producto, query, tienda, write, write_parents

pytestmark = pytest.mark.any_server

# Lo mismo en la base que en el resultado: qué archivo, cómo acabó y si se dice por qué.
LEDGER = "SELECT file, status, error IS NOT NULL FROM etl.loads ORDER BY file"


def break_at(name: str) -> Progress:
    """Un avance que falla con un archivo, como un fallo nuestro que nadie previó."""

    def progress(source: Source, _bytes: int, _counts: Counts) -> None:
        if source.name == name:
            raise OverflowError("no cabe")

    return progress


def test_an_error_that_nobody_foresaw_ends_one_file_and_not_the_run(settings: Settings) -> None:
    write_parents(settings)
    write(settings, "otro.csv", "id,v\n1,5\n")
    write(settings, "suelto.csv", "id,v\n1,5\n")
    result = load(settings, progress=break_at("otro.csv"))
    assert result.exit_code == 3
    assert query(settings, LEDGER) == [
        ("otro.csv", "failed", True),
        ("productos.csv", "loaded", False),
        ("suelto.csv", "loaded", False),
        ("tiendas.jsonl", "loaded", False),
    ]
    [failed] = [file for file in result.files if file.status == "failed"]
    assert failed.reason is not None
    assert failed.reason.startswith(
        "No se pudo con él: OverflowError: no cabe (tests.integration.test_one_bad_file, línea "
    )
    assert query(settings, "SELECT to_regclass('staging.otro') IS NULL") == [True]
    assert load(settings).exit_code == 0


def test_an_error_that_nobody_foresaw_in_a_declared_file_leaves_nothing_of_it(settings: Settings) -> None:
    write(settings, "productos.csv", (PRODUCTOS + producto(1)).encode("latin-1"))
    write(settings, "tiendas.jsonl", tienda(1))
    load(settings, progress=break_at("productos.csv"))
    assert query(settings, LEDGER) == [("productos.csv", "failed", True), ("tiendas.jsonl", "loaded", False)]
    assert query(settings, "SELECT count(*) FROM datos.productos") == [0]


def test_inspect_says_what_it_could_not_foresee() -> None:
    seen = look_or_refuse(Source(Path("un\0nombre.csv"), "un nombre.csv", "un nombre.csv"))  # ningún sistema lo admite
    assert isinstance(seen, Refused)
    assert seen.reason.startswith("No se pudo con él: ValueError: embedded null byte")


def far_cells(path: Path) -> Path:
    """Un libro con una celda en cada esquina de la hoja: leerla entera pide 550 GB."""
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active["A1"], book.active["XFD1048576"] = "id", 1
    book.save(path)
    return path


def write_bad_files(settings: Settings) -> None:
    """Un enlace a sí mismo, un .zip que miente, y dos libros que acaban con quien los abre."""
    (settings.datos_dir / "bucle.csv").symlink_to("bucle.csv")
    (settings.datos_dir / "vueltas").symlink_to("vueltas")
    write(settings, "roto.zip", b"PK\x05\x06" + b"\xff" * 18)
    far_cells(settings.datos_dir / "lejos.xlsx")
    far_cells(settings.datos_dir / "clientes.xlsx")
    write(settings, "bueno.csv", "id,v\n1,5\n")


def test_files_that_stopped_the_program_are_refused_one_by_one(settings: Settings) -> None:
    write_bad_files(settings)
    done = etl(settings, "run", "--json")
    assert done.returncode == 3, done.stderr
    assert {file["file"]: file["status"] for file in json.loads(done.stdout)["files"]} == {
        "bucle.csv": "refused",
        "bueno.csv": "loaded",
        "clientes.xlsx": "refused",
        "lejos.xlsx": "refused",
        "roto.zip": "refused",
        "vueltas": "refused",
    }
    assert query(settings, LEDGER) == [
        ("bucle.csv", "refused", True),
        ("bueno.csv", "loaded", False),
        ("clientes.xlsx", "refused", True),
        ("lejos.xlsx", "refused", True),
        ("roto.zip", "refused", True),
        ("vueltas", "refused", True),
    ]


def test_inspect_goes_on_after_files_that_stopped_the_program(settings: Settings) -> None:
    write_bad_files(settings)
    done = etl(settings, "inspect", str(settings.datos_dir), "--json")
    assert done.returncode == 3, done.stderr
    reasons = {file["file"]: file["reason"] for file in json.loads(done.stdout)["files"]}
    assert reasons.pop("bueno.csv") is None
    assert "celda escrita muy lejos" in reasons["lejos.xlsx"]
    assert "No se puede abrir" in reasons["bucle.csv"]
    assert len([reason for reason in reasons.values() if reason]) == 5


def test_a_row_with_nothing_in_the_columns_that_do_not_fit_is_kept(settings: Settings) -> None:
    columns, last = 340, "," * 20  # caben 320: la segunda fila no tiene nada en las otras
    header = "id," + ",".join(f"v{number}" for number in range(1, columns)) + "\n"
    rows = [
        "uno" + ",A" * (columns - 1) + "\n",
        "dos" + ",B" * (columns - 21) + last + "\n",
        "tres" + ",C" * (columns - 1) + "\n",
    ]
    result = load_one(settings, "ancho.csv", header, *rows)
    assert (result.reason, result.counts.loaded) == (None, 3)
    found = query(
        settings, "SELECT id, otras_columnas->>'v339', otras_columnas = '{}' FROM staging.ancho ORDER BY _line"
    )
    assert found == [("uno", "A", False), ("dos", None, True), ("tres", "C", False)]


def test_an_instant_that_no_date_reaches_is_kept_as_text(settings: Settings) -> None:
    start = pa.array([{"min": 0}, {"min": 10**15}, None], pa.struct([("min", pa.timestamp("ms"))]))
    table = pa.table({"id": [1, 2, 3], "rango": start, "vez": pa.array([datetime(2024, 1, 1)] * 3)})
    path = settings.datos_dir / "lejano.parquet"
    parquet.write_table(table, path)
    [result] = load(settings, path).files
    assert (result.reason, result.counts.loaded) == (None, 3)
    assert query(settings, "SELECT rango::jsonb->>'min' FROM staging.lejano ORDER BY id") == [
        "1970-01-01 00:00:00",
        "<value out of range: 1000000000000000>",
        None,
    ]
    assert [warning[:54] for warning in result.warnings] == ["columna «rango»: tiene instantes que no caben en una f"]
