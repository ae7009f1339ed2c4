"""Cada archivo del corpus, cargado de verdad con --text, da las filas que deben salir y aparta las demás."""

from collections import Counter
from pathlib import Path
from shutil import copy

import pytest
from psycopg import sql

from corpus.answers import Case, cases
from etl.load.ledger import Counts
from etl.run import FileResult
from etl.settings import Settings
from own_rows import run_with
from support import connect_settings

pytestmark = pytest.mark.any_server


def quiet(*_: object) -> None:
    """Sin avance."""


def load_text(settings: Settings, path: Path) -> dict[str, FileResult]:
    result = run_with(settings, [], path, progress=quiet, as_text=True)
    return {file.file: file for file in result.files}


def test_every_file_gives_its_rows_and_sets_aside_the_rest(settings: Settings) -> None:
    for case in cases():
        copy(case.path, settings.datos_dir / case.path.name)
    results = load_text(settings, settings.datos_dir)
    problems = [problem for case in cases() for problem in compare(settings, case, results[case.path.name])]
    assert not problems, "\n".join(problems)


def compare(settings: Settings, case: Case, result: FileResult) -> list[str]:
    """Las diferencias entre lo cargado y la respuesta escrita a mano."""
    if case.refused:
        return [] if result.status == "refused" else [f"{case.name}: debía rechazarse y está {result.status}"]
    if result.status != "loaded":
        return [f"{case.name}: {result.status}: {result.reason}"]
    rows, rejected = loaded(settings, result)
    problems, wanted = [], case.rows
    # Las últimas columnas, si no tienen ni nombre ni un solo valor, no llegan a la tabla.
    if not case.columns[-1] and all(row[-1] is None for row in wanted):
        wanted = [row[:-1] for row in wanted]
    if rows != wanted:
        extra = Counter(map(str, rows)) - Counter(map(str, wanted))
        missing = Counter(map(str, wanted)) - Counter(map(str, rows))
        problems.append(f"{case.name}: sobran {dict(extra)}, faltan {dict(missing)}")
    if rejected != case.rejected:
        problems.append(f"{case.name}: apartadas {rejected}, debían ser {case.rejected}")
    if result.counts != Counts(read=len(rows) + len(rejected), loaded=len(rows), rejected=len(rejected)):
        problems.append(f"{case.name}: las cuentas no cuadran: {result.counts}")
    if bool(result.warnings) != case.warns:
        problems.append(f"{case.name}: avisos {result.warnings}")
    return problems


def loaded(settings: Settings, result: FileResult) -> tuple[list[list[str | None]], list[int]]:
    """Las filas de la tabla, en el orden del archivo, y las líneas apartadas."""
    assert result.table is not None
    table = sql.Identifier(*result.table.split("."))
    with connect_settings(settings) as connection:
        cursor = connection.execute(sql.SQL("SELECT * FROM {} ORDER BY _line").format(table))
        rows = [list(row[:-2]) for row in cursor]
        lines = connection.execute(
            "SELECT r.line FROM etl.rejects r JOIN etl.loads l USING (load_id)"
            " WHERE l.file = %s AND l.status = 'loaded' ORDER BY r.line",
            (result.file,),
        ).fetchall()
    return rows, [line for (line,) in lines]
