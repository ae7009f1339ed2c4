"""Valida: un trozo de filas en texto -> las filas buenas con su tipo, y las malas con su motivo.

Función pura: no lee archivos, no habla con la base de datos y no mira el reloj. Por eso el mismo
código vale para este proceso (`local.py`) y para los ejecutores de Spark.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import FILTERED, Chunk, Reject, from_numpy
from etl.dialect import Dialect
from etl.rules import expectation, reason_code, satisfies, type_expectation
from etl.schema import Column, Declared, RowCheck, Schema
from etl.transform.parse import fitted, parse

Columns = dict[str, pa.ChunkedArray]


@dataclass(frozen=True)
class Problem:
    """Un motivo de rechazo, las filas del trozo a las que afecta (índices desde 0) y el valor de cada una.

    `verb`: quién puso ese valor, el archivo o la transformación. Sin `column`, el motivo es de la fila entera.
    """

    rows: np.ndarray
    code: str
    expected: str
    column: str | None = None
    values: Sequence[str | None] = ()
    verb: str = "se leyó"


def transform(chunk: Chunk, declared: Declared) -> tuple[pa.Table, list[Reject]]:
    """Aplica tipos, transformación y reglas a un trozo.

    Devuelve una tabla con las columnas declaradas y `_line`, en el orden del archivo, y los
    rechazos (incluidos los que traía el trozo) por orden de línea. Filas que entran = filas
    válidas + rechazos, siempre. Lanza `FileFailed` si la transformación no hace lo que debe.
    """
    columns = declared.in_file.columns
    # Toda nula si el archivo no la tiene (solo pasa con las opcionales).
    absent = pa.chunked_array([pa.nulls(len(chunk.lines), pa.string())])
    present = dict(zip(chunk.columns.column_names, chunk.columns.columns, strict=True))
    texts = {column.name: present.get(column.name, absent) for column in columns}
    typed = {column.name: parse(texts[column.name], column.type, chunk.dialect, chunk.also) for column in columns}
    if declared.function is not None:
        return _transformed(chunk, declared, texts, typed)
    return split(chunk, typed, np.arange(len(chunk.lines)), _broken(declared.rows, texts, typed, chunk.also))


def _transformed(chunk: Chunk, declared: Declared, texts: Columns, typed: Columns) -> tuple[pa.Table, list[Reject]]:
    """Las filas que se entienden pasan por la función; las reglas, una sola vez, a lo que deja."""
    from etl.transform.compute import compute  # solo lo paga quien transforma

    whole = pa.table({**typed, "_line": chunk.lines})
    problems = [
        one
        for column in declared.in_file.columns
        for one in unread(column, texts[column.name], typed[column.name], chunk.also)
    ]
    given = _without(np.arange(whole.num_rows), [one.rows for one in problems])
    ready = whole.take(pa.array(given)) if problems else whole
    made = compute(declared, ready.drop_columns("_line"), ready["_line"].to_numpy())
    kept, raised = given[made.kept], given[list(made.raised)]
    for row, why in zip(raised, made.raised.values(), strict=True):
        problems.append(Problem(np.array([row]), "transform", f"la transformación falla: {why}"))
    if (dropped := _without(given, [kept, raised])).size:
        problems.append(Problem(dropped, FILTERED, "la transformación la descarta"))
    typed = {column.name: fitted(made.columns[column.name], column.type) for column in declared.rows.columns}
    for one in _broken(declared.rows, made.columns, typed):
        rows, name = kept[one.rows], one.column
        if name in texts and made.columns[name].equals(ready[name].take(pa.array(made.kept))):
            problems.append(replace(one, rows=rows, values=texts[name].take(pa.array(rows)).to_pylist()))
        else:
            problems.append(replace(one, rows=rows, verb="la transformación dejó"))
    return split(chunk, typed, kept, problems)


def _without(rows: np.ndarray, dropped: list[np.ndarray]) -> np.ndarray:
    return rows[~np.isin(rows, np.concatenate(dropped))] if dropped else rows


def split(chunk: Chunk, typed: Columns, rows: np.ndarray, problems: list[Problem]) -> tuple[pa.Table, list[Reject]]:
    """Las filas sin problemas, y los rechazos. `rows`: cuáles del trozo son las de `typed`."""
    lines = chunk.lines if len(rows) == len(chunk.lines) else chunk.lines.take(pa.array(rows))
    table = pa.table({**typed, "_line": lines})
    if not problems:
        return table, chunk.rejects
    good = ~np.isin(rows, np.concatenate([problem.rows for problem in problems]))
    rejects = [*chunk.rejects, *_rejects(chunk, problems)]
    return table.filter(from_numpy(good)), sorted(rejects, key=lambda reject: reject.line)


def _broken(schema: Schema, before: Columns, typed: Columns, also: Dialect | None = None) -> list[Problem]:
    """Todo lo que no se cumple: de cada columna, obligatoria, tipo y reglas, en ese orden; y las condiciones.

    `before`: los valores antes de darles su tipo; `also`: otra manera en que podían estar escritas las fechas.
    """
    problems: list[Problem] = []
    for column in schema.columns:
        text, values = before[column.name], typed[column.name]
        if not column.nullable and text.null_count:
            problems.append(_problem(column, text, pc.is_null(text), "missing", "un valor: es obligatoria"))
        problems += unread(column, text, values, also)
        for rule in column.rules:
            fits = satisfies(rule, values)
            if pc.all(fits).as_py() is False:
                problems.append(_problem(column, text, pc.invert(fits), reason_code(rule), expectation(rule)))
    return problems + [problem for check in schema.checks for problem in _unmet(check, typed)]


def unread(column: Column, text: pa.ChunkedArray, values: pa.ChunkedArray, also: Dialect | None) -> list[Problem]:
    """Los valores que no son del tipo de la columna."""
    if values.null_count <= text.null_count:
        return []
    wrong = pc.and_(pc.is_null(values), pc.is_valid(text))
    expected = type_expectation(column.type, also.date_format if also else None)
    return [_problem(column, text, wrong, "type", expected)]


def _problem(column: Column, text: pa.ChunkedArray, wrong: pa.ChunkedArray, code: str, expected: str) -> Problem:
    rows = pc.indices_nonzero(wrong).cast(pa.int64())
    values = text.take(rows).cast(pa.string()).to_pylist()
    return Problem(np.from_dlpack(rows), code, expected, column.name, values)


def _unmet(check: RowCheck, typed: Columns) -> list[Problem]:
    """Filas que no cumplen una condición entre columnas. Como en SQL, un nulo la da por cumplida."""
    import pandas as pd  # solo lo paga quien declara condiciones entre columnas

    used = {name: values for name, values in typed.items() if name in check.expression}
    frame = pd.DataFrame({name: pd.Series(one, dtype=pd.ArrowDtype(one.type)) for name, one in used.items()})
    holds = frame.eval(check.expression, engine="python").fillna(True)
    failing = np.flatnonzero(~holds.to_numpy(dtype=bool))
    return [Problem(failing, "check", f"no se cumple: {check.message}")] if failing.size else []


def _rejects(chunk: Chunk, problems: list[Problem]) -> list[Reject]:
    """Un rechazo por fila: el primer motivo lo clasifica y los demás se añaden al mensaje."""
    by_row: dict[int, list[tuple[Problem, str | None]]] = {}
    for problem in problems:
        for row, value in zip_longest(problem.rows.tolist(), problem.values):
            by_row.setdefault(row, []).append((problem, value))
    return [_reject(chunk, row, found) for row, found in by_row.items()]


def _reject(chunk: Chunk, row: int, found: list[tuple[Problem, str | None]]) -> Reject:
    first, value = found[0]
    message = "; además, ".join(_explain(*one) for one in found)
    return Reject(chunk.lines[row].as_py(), chunk.raw(row), first.column, value, first.code, message)


def _explain(problem: Problem, value: str | None) -> str:
    if problem.column is None:
        return problem.expected
    found = "está vacía" if value is None else f"{problem.verb} «{value}»"
    return f"columna «{problem.column}»: {found} y se esperaba {problem.expected}"
