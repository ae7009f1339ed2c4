"""Carga una cuarentena corregida: cada fila vuelve a la carga y la línea de que salió.

Una fila en cuarentena se conoce por su carga y su línea. Corregida, entra en la tabla con las dos, como si el
archivo la hubiera traído bien: lo que reemplace o quite a su archivo, la reemplaza o la quita también. Su apunte
en `etl.rejects` pasa a `repaired`, con los valores puestos; con ellos se repite (`mend`) si su archivo se carga
otra vez entero. La que no se editó sigue en cuarentena, y la que no vale todavía queda con su texto y motivo nuevos.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
from psycopg import sql

from etl.chunk import Chunk, Reject
from etl.database.connection import Connection
from etl.dialect import ISO, Dialect
from etl.errors import FileRefused
from etl.extract.source import Opened, Source, decompressed, opened
from etl.load.ledger import Counts, Load
from etl.load.table import Prepared, TableWriter, save_rejects
from etl.one_file import load_file
from etl.run import FileResult, Session
from etl.schema import Column, Declared, Table
from etl.transform.parse import parse
from etl.transform.validate import split, transform, unread
from extras.quarantine.cells import Writing
from extras.quarantine.corrected import LINE, LOAD, RAW, REASON, SEAL, Row, one_line_end, read_corrected, seal
from extras.undeclared import formats, staging
from extras.undeclared.evidence import digits_after
from extras.undeclared.infer import Plan

REPAIRED = "repaired"
# Qué es de las filas de un CSV que no se corrigen.
SAME = "filas que ya estaban corregidas así"
COVERED = "filas corregidas que no entran: su clave ya está en la tabla, con otra fila"
ASLEEP = "filas sin editar, que siguen en cuarentena"
STALE = "filas que ya no están en cuarentena (su archivo se reemplazó), sin cargar"
Cells = dict[str, str]
# De unas filas en texto, las buenas y las que siguen mal.
Check = Callable[[Chunk], tuple[pa.Table, list[Reject]]]


@dataclass(frozen=True)
class Target:
    """La tabla de una carga: cómo se leen sus filas, se comprueban y se escriben."""

    table: Table
    writing: Writing
    dialect: Dialect
    check: Check


@dataclass(frozen=True)
class Mended:
    """Una fila con los valores que alguien le puso; ninguno si su texto no se pudo separar. `before`: como estaba."""

    line: int
    cells: Cells | None
    before: Reject
    raw: str


def load_correction(session: Session, source: Source, declared: Sequence[Declared]) -> list[FileResult]:
    """Carga una cuarentena corregida: cada fila vuelve a su carga y a su línea."""
    try:
        with opened(source) as file, decompressed(source, file) as stream:
            rows = read_corrected(b"".join(iter(partial(stream.read, 1 << 20), b"")))
        name = _table_of(session.connection, rows)
    except FileRefused as error:
        result = FileResult(source.name, None, None)
        result.fail("refused", str(error))
        return [result]
    known = next((one for one in declared if one.table.name == name), None)
    table = known.table if known else Table(staging.SCHEMA, name.removeprefix(f"{staging.SCHEMA}."))
    return [load_file(session, source, table, partial(_fill, rows=rows, declared=known), engine="local")]


def _table_of(connection: Connection, rows: list[Row]) -> str:
    loads = {row[LOAD] for row in rows}
    found = connection.execute(
        "SELECT DISTINCT table_name FROM etl.loads WHERE load_id::text = ANY(%s)", (list(loads),)
    ).fetchall()
    if len(found) != 1:
        raise FileRefused(
            "No se sabe de qué tabla son sus filas: sus cargas no están en esta base de datos.",
            "Saque otra vez la cuarentena, y cárguela donde la sacó.",
        )
    return str(found[0][0])


def _fill(
    connection: Connection, load: Load, _file: Opened, result: FileResult, *, rows: list[Row],
    declared: Declared | None,
) -> None:  # fmt: skip
    """La transacción de una corrección: carga a carga, las filas que alguien editó."""
    result.counts = total = Counts(read=len(rows))
    by_load: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_load[row[LOAD]].append(row)
    fates: Counter[str] = Counter()
    for load_id, its_rows in by_load.items():
        target = _target(connection, load.table, int(load_id), declared) if load_id.isdecimal() else None
        if target is None:
            fates[STALE] += len(its_rows)
            continue
        mended, others = _edited(connection, int(load_id), target, its_rows)
        fates += others
        if mended:
            done = Counts()
            _apply(connection, int(load_id), target, mended, done)
            _amend(connection, int(load_id), done)
            total.loaded += done.repaired
            total.repaired += done.repaired
            total.displaced |= done.displaced
            total.rejected += len(mended) - done.repaired
            fates[COVERED] += max(done.duplicate, 0)
    total.duplicate += fates.pop(SAME, 0)
    total.rejected += fates[ASLEEP] + fates[STALE]
    if total.rejected == 0 and total.repaired == 0:
        result.skip()
    result.warnings += total.warnings
    result.warnings += [f"{fate}: {fates[fate]}" for fate in (COVERED, ASLEEP, STALE) if fates[fate]]


def _target(connection: Connection, table: Table, load_id: int, declared: Declared | None) -> Target | None:
    """Cómo se corrige una carga; nada si ya no está en la tabla."""
    row = connection.execute(
        "SELECT header, dialect FROM etl.loads WHERE load_id = %s AND table_name = %s AND status <> 'replaced'",
        (load_id, table.name),
    ).fetchone()
    if row is None:
        return None
    header, written = row[0] or [], row[1]
    if declared:
        dialect = declared.dialect if written and "delimiter" in written else ISO
        writing = Writing(declared.in_file.names, header, written, undeclared=False)
        return Target(table, writing, dialect, partial(transform, declared=declared))
    plans = staging.columns_of(connection, table.table, (written or {}).get("formats", {}))
    writing = Writing([plan.name for plan in plans], header, written, undeclared=True)
    return Target(table, writing, formats.PLAIN, partial(_as_planned, plans=plans))


def _edited(connection: Connection, load_id: int, target: Target, rows: list[Row]) -> tuple[list[Mended], Counter[str]]:
    """Las filas editadas; y cuántas ya estaban corregidas así, no se editaron o no son de la cuarentena."""
    found = connection.execute(
        "SELECT line, raw, column_name, value, code, message FROM etl.rejects WHERE load_id = %s", (load_id,)
    )
    waiting = {str(entry[0]): Reject(*entry) for entry in found}
    mended: dict[int, Mended] = {}
    others: Counter[str] = Counter()
    for row in rows:
        before = waiting.get(row[LINE])
        if before is None:
            others[STALE] += 1
        elif (one := _mended(target.writing, row, before)) is None:
            others[SAME if before.code == REPAIRED else ASLEEP] += 1
        elif (before.code == REPAIRED and one.cells == json.loads(before.value or "null")) or one.line in mended:
            others[SAME] += 1
        else:
            mended[one.line] = one
    return [mended[line] for line in sorted(mended)], others


def _mended(writing: Writing, row: Row, before: Reject) -> Mended | None:
    """Lo que se editó de una fila: sus celdas o, si no se tocaron, su texto; nada si está como salió."""
    cells = {name: row.get(name, "") for name in writing.columns}
    blank = dict.fromkeys(writing.columns, "")
    as_text = writing.cells(row[RAW])
    now = writing.cells(before.raw) or blank
    if seal(row[RAW]) == row[SEAL]:
        if as_text and before.code == "quote" and not row[REASON].strip():
            return Mended(before.line, cells, before, writing.raw(before.raw, cells))
        if cells == (as_text or blank):
            return None
    elif cells in (as_text, now, blank):
        same = one_line_end(row[RAW]) == one_line_end(before.raw)
        return None if same else Mended(before.line, as_text, before, row[RAW])
    # Si son las que ya fallaron, no hay nada que probar otra vez.
    return None if cells == now else Mended(before.line, cells, before, writing.raw(before.raw, cells))


def _apply(connection: Connection, load_id: int, target: Target, mended: list[Mended], counts: Counts) -> None:
    """Pone unas filas en el sitio de lo que había de ellas, y lleva a `counts` la diferencia."""
    lines = [one.line for one in mended]
    opened_before = connection.execute(
        "DELETE FROM etl.rejects WHERE load_id = %s AND line = ANY(%s) AND code <> %s", (load_id, lines, REPAIRED)
    ).rowcount
    connection.execute("DELETE FROM etl.rejects WHERE load_id = %s AND line = ANY(%s)", (load_id, lines))
    name = sql.Identifier(target.table.schema, target.table.table)
    removed = connection.execute(
        sql.SQL("DELETE FROM {} WHERE _load_id = %s AND _line = ANY(%s)").format(name), (load_id, lines)
    ).rowcount
    writer = TableWriter(connection, target.table, load_id)
    writer.write(_prepared(target, mended, writer))
    again = connection.execute("SELECT line FROM etl.rejects WHERE load_id = %s AND line = ANY(%s)", (load_id, lines))
    wrong = {line for (line,) in again}
    good = [one for one in mended if one.line not in wrong]
    done = [replace(one.before, value=json.dumps(one.cells), code=REPAIRED) for one in good]
    save_rejects(connection, load_id, done)
    counts.loaded += writer.counts.loaded - removed
    counts.updated += writer.counts.updated
    counts.rejected += writer.counts.rejected - opened_before
    counts.duplicate += writer.counts.duplicate - (len(mended) - removed - opened_before)
    counts.repaired += len(good)
    counts.displaced |= writer.counts.displaced


def _prepared(target: Target, mended: list[Mended], writer: TableWriter) -> Prepared:
    split = [one for one in mended if one.cells is not None]
    columns = {
        name: pa.chunked_array([pa.array([_value(one.cells, name, target.dialect) for one in split], pa.string())])
        for name in target.writing.columns
    }
    lines = pa.array([one.line for one in split], pa.int64())
    width = len(target.writing.header)
    message = f"la fila corregida no tiene {width} campos, como la cabecera"
    broken = [Reject(one.line, one.raw, None, None, "fields", message) for one in mended if one.cells is None]
    chunk = Chunk(pa.table(columns), lines, lambda row: split[row].raw, target.dialect, broken)
    rows, rejects = target.check(chunk)
    return Prepared(rows, writer.encode(rows), rejects, chunk)


def _value(cells: Cells | None, name: str, dialect: Dialect) -> str | None:
    value = (cells or {}).get(name, "")
    return None if value == "" or value in dialect.nulls else value


def _as_planned(chunk: Chunk, plans: list[Plan]) -> tuple[pa.Table, list[Reject]]:
    """Las filas con los tipos que se averiguaron al cargar el archivo."""
    typed = {plan.name: _typed(chunk.columns[plan.name], plan) for plan in plans}
    problems = [
        problem
        for name, values in typed.items()
        for problem in unread(Column(name, _said(values.type)), chunk.columns[name], values, None)
    ]
    return split(chunk, typed, np.arange(len(chunk.lines)), problems)


def _typed(text: pa.ChunkedArray, plan: Plan) -> pa.ChunkedArray:
    dialect = plan.format.dialect if plan.format else formats.PLAIN
    kind = plan.type
    if pa.types.is_binary(kind) or pa.types.is_duration(kind):  # COPY los lee escritos como PostgreSQL
        return text
    if pa.types.is_decimal(kind):
        kind = pa.decimal128(formats.DECIMAL_DIGITS, digits_after(dialect.decimal, text))
    return parse(text, kind, dialect)


def _said(kind: pa.DataType) -> pa.DataType:
    """El tipo que se dice: las cifras de un decimal son las de estas filas, y su columna admite cualquiera."""
    return pa.float64() if pa.types.is_decimal(kind) else kind


def _amend(connection: Connection, load_id: int, done: Counts) -> None:
    """Lleva al apunte de la carga lo que cambió."""
    connection.execute(
        "UPDATE etl.loads SET rows_loaded = rows_loaded + %(loaded)s, rows_duplicate = rows_duplicate + %(duplicate)s,"
        # Entre qué claves están sus filas ya no se sabe: las corregidas pueden ser cualesquiera.
        " rows_rejected = rows_rejected + %(rejected)s, keys = NULL,"
        " rows_updated = least(rows_updated + %(updated)s, rows_loaded + %(loaded)s) WHERE load_id = %(load_id)s",
        {**vars(done), "load_id": load_id},
    )


def mend(connection: Connection, load: Load, declared: Declared, counts: Counts) -> list[str]:
    """Repite las correcciones de una carga que se acaba de leer otra vez; avisa si una versión nueva las deja sin valor."""
    found = connection.execute(
        "SELECT line, raw, column_name, value, code, message FROM etl.rejects WHERE load_id = %s AND code = %s",
        (load.load_id, REPAIRED),
    ).fetchall()
    # Lo que queda del original, por si ahora falla por otra cosa.
    entries = [Reject(*row) for row in found]
    if not entries:
        return staging.superseded(connection, load)
    target = _target(connection, load.table, load.load_id, declared)
    assert target is not None
    mended = [
        Mended(entry.line, cells, entry, target.writing.raw(entry.raw, cells))
        for entry in entries
        for cells in [json.loads(entry.value or "{}")]
    ]
    _apply(connection, load.load_id, target, mended, counts)
    counts.limits.clear()  # las corregidas pueden estar fuera
    return []
