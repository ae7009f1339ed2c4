"""Una cuarentena corregida de un archivo sin declarar: sus filas completan la tabla de aquel archivo.

Entra un CSV que salió de `etl rejects --csv` (se reconoce por sus columnas `_archivo`, `_linea`, `_motivo`
y `_fila`); sus filas se leen con las formas que se averiguaron al cargar el original. Solo entra la que
sigue en cuarentena tal como estaba: una corrección repetida, o ya vieja, no duplica nada.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from etl.chunk import Chunk, Reject
from etl.database.connection import Connection
from etl.errors import FileRefused
from etl.extract.source import Opened, Source, decompressed, opened
from etl.load import ledger, versions
from etl.load.encode import encode
from etl.load.ledger import Load
from etl.load.table import Advance, Prepared, TableWriter, write_all
from etl.one_file import load_file
from etl.result import FileResult
from etl.rules import type_expectation
from etl.schema import Table
from etl.session import Session
from etl.transform.parse import parse
from extras.quarantine.corrected import EXPLAINED, restored
from extras.undeclared import formats, staging
from extras.undeclared.evidence import digits_after
from extras.undeclared.infer import Plan
from extras.undeclared.unknown import TEXT_SUFFIXES, open_unknown
from extras.undeclared.wide import PACKED

# La cabecera de una cuarentena cabe de sobra aquí.
START = 64 << 10
FILE, LINE, _, RAW = EXPLAINED


@dataclass(frozen=True)
class Original:
    """La carga de la que salieron las filas: su tabla, cómo es cada columna y qué sigue en cuarentena."""

    file: str
    table: str
    plans: list[Plan]
    waiting: frozenset[tuple[str, str]]


def corrects(connection: Connection, source: Source) -> Original | None:
    """El archivo que este completa, o nada si no es una cuarentena corregida de uno sin declarar."""
    if source.refusal or source.suffix not in TEXT_SUFFIXES or not source.path.is_file():
        return None
    try:
        with opened(source) as file, decompressed(source, file) as stream:
            if FILE.encode() not in stream.read(START):
                return None
        with opened(source) as file, open_unknown(source, file) as (document, found):
            if not set(EXPLAINED) <= set(found.columns):
                return None
            first = next(document.chunks({FILE: found.columns.index(FILE)}), None)
    except Exception:  # noqa: BLE001 - lo que tenga de malo lo dirá quien lo cargue
        return None
    files = first.columns[FILE].drop_null().to_pylist() if first else []
    return _original(connection, files[0]) if files else None


def _original(connection: Connection, file: str) -> Original | None:
    load = connection.execute(
        "SELECT load_id, table_name, dialect FROM etl.loads WHERE file = %s AND status = 'loaded'"
        " AND table_name LIKE %s ORDER BY load_id DESC LIMIT 1",
        (file, f"{staging.SCHEMA}.%"),
    ).fetchone()
    if load is None:
        return None
    load_id, table, dialect = load
    rejected = connection.execute("SELECT line::text, raw FROM etl.rejects WHERE load_id = %s", (load_id,))
    table = table.removeprefix(f"{staging.SCHEMA}.")
    known = {option.name: option for option in formats.EVERY}
    names: dict[str, str] = (dialect or {}).get("formats", {})
    plans = [
        Plan(name, kind, known.get(names.get(name, "")), jsonb=jsonb)
        for name, kind, jsonb in staging.column_types(connection, table)
    ]
    return Original(file, table, plans, frozenset(rejected.fetchall()))


def load_correction(session: Session, source: Source, original: Original) -> FileResult:
    """Completa la tabla del archivo original con las filas corregidas."""
    fill = partial(_fill, original=original, advance=partial(session.progress, source))
    # En este proceso, como el archivo que completa.
    return load_file(session, source, Table(staging.SCHEMA, original.table), fill, engine="local")


def _fill(
    connection: Connection,
    load: Load,
    file: Opened,
    result: FileResult,
    *,
    original: Original,
    advance: Advance,
) -> None:
    """La transacción de una corrección: si no está ya, sus filas."""
    known = versions.find_known(connection, load)
    if known and known.loaded:
        result.skip()
        return
    ledger.begin(connection, load)
    versions.retire_rows(connection, load)
    writer = TableWriter(connection, load.table, load.load_id)
    with open_unknown(load.source, file) as (document, found):
        positions = _positions(original, found.columns)
        chunks = restored(list(found.columns), document.chunks(positions))
        ready = (_prepare(chunk, original, load.load_id) for chunk in chunks)
        result.counts = write_all(writer, ready, file, advance)
        sha256 = file.finish()
    found.describe(result)
    result.warnings = list(found.warnings)
    ledger.describe(connection, load, list(found.columns), found.written)
    ledger.finish(connection, load, sha256, result.counts, result.encoding, result.warnings)


def _positions(original: Original, header: tuple[str, ...]) -> dict[str, int]:
    """Dónde está en el CSV cada columna de la tabla; `FileRefused` si falta alguna."""
    wanted = [plan.name for plan in original.plans]
    if PACKED.name in wanted:
        raise FileRefused(
            f"La tabla guarda columnas juntas en «{PACKED.name}».",
            "Corrija las filas en el archivo original.",
        )
    missing = [name for name in wanted if name not in header]
    if missing:
        raise FileRefused(f"Faltan columnas: {', '.join(missing)}.", "Escriba otra vez la cuarentena.")
    return {name: header.index(name) for name in [*wanted, FILE, LINE, RAW]}


def _prepare(chunk: Chunk, original: Original, load_id: int) -> Prepared:
    """Las filas que siguen en cuarentena y ya valen, listas para COPY; las demás, apartadas con su motivo."""
    rejects: dict[int, Reject] = {}
    waiting = zip(*(chunk.columns[name].to_pylist() for name in (FILE, LINE, RAW)), strict=True)
    for row, (file, line, raw) in enumerate(waiting):
        if file != original.file or (line, raw) not in original.waiting:
            message = f"no está en la cuarentena de «{original.file}», o ya no es la misma fila"
            rejects[row] = _reject(chunk, row, None, "not_waiting", message)
    columns = {}
    for plan in original.plans:
        text = chunk.columns[plan.name]
        columns[plan.name] = values = _typed(text, plan)
        for row in np.flatnonzero(values.is_null().to_numpy() & text.is_valid().to_numpy()).tolist():
            message = (
                f"columna «{plan.name}»: se leyó «{text[row]}» y se esperaba {type_expectation(values.type)}"
            )
            rejects.setdefault(row, _reject(chunk, row, plan.name, "type", message))
    good = np.delete(np.arange(len(chunk.lines)), list(rejects))
    rows = pa.table({**columns, "_line": chunk.lines}).take(pa.array(good))
    jsonb = [plan.name for plan in original.plans if plan.jsonb]
    ordered = sorted([*chunk.rejects, *rejects.values()], key=lambda reject: reject.line)
    return Prepared(rows, encode(rows, load_id, jsonb), ordered)


def _typed(text: pa.ChunkedArray, plan: Plan) -> pa.ChunkedArray:
    dialect = plan.format.dialect if plan.format else formats.PLAIN
    kind = plan.type
    if pa.types.is_decimal(kind):
        kind = pa.decimal128(formats.DECIMAL_DIGITS, digits_after(dialect.decimal, text))
    return parse(text, kind, dialect)


def _reject(chunk: Chunk, row: int, column: str | None, code: str, message: str) -> Reject:
    value = chunk.columns[column][row].as_py() if column else None
    return Reject(chunk.lines[row].as_py(), chunk.raw(row), column, value, code, message)
