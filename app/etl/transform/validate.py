"""Valida: un trozo de filas en texto -> las filas buenas con su tipo, y las malas con su motivo.

Función pura: no lee archivos, no habla con la base de datos y no mira el reloj. Por eso el mismo
código vale para este proceso (`local.py`) y para los ejecutores de Spark.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import FILTERED, Chunk, Reject
from etl.rules import expectation, reason_code, satisfies, type_expectation
from etl.schema import Column, Declared, RowCheck, Schema
from etl.transform.parse import fitted, parse


@dataclass(frozen=True)
class Problem:
    """Un motivo de rechazo y las filas del trozo a las que afecta (índices desde 0).

    `made`: el valor que dejó la transformación en cada una de esas filas; sin ella, vale el que se leyó.
    """

    rows: np.ndarray
    column: str | None
    code: str
    expected: str
    made: list[str | None] | None = None


def transform(chunk: Chunk, declared: Declared) -> tuple[pa.Table, list[Reject]]:
    """Aplica tipos, transformación y reglas a un trozo.

    Devuelve una tabla con las columnas declaradas y `_line`, en el orden del archivo, y los
    rechazos (incluidos los que traía el trozo) por orden de línea. Filas que entran = filas
    válidas + rechazos, siempre. Lanza `FileFailed` si la transformación no hace lo que debe.
    """
    columns = [column for column in declared.rows.columns if not column.computed]
    texts = {column.name: _text(chunk, column.name) for column in columns}
    typed = {column.name: parse(texts[column.name], column.type, chunk.dialect) for column in columns}
    if declared.function is not None:
        return _transformed(chunk, declared, texts, typed)
    rows = np.arange(len(chunk.lines))
    return _split(chunk, typed, rows, _broken(declared.rows, texts, typed))


def _transformed(
    chunk: Chunk, declared: Declared, texts: dict[str, pa.ChunkedArray], typed: dict[str, pa.ChunkedArray]
) -> tuple[pa.Table, list[Reject]]:
    """Las filas que se entienden pasan por la función; las reglas, una sola vez, a lo que deja."""
    from etl.transform.compute import compute  # solo lo paga quien transforma

    schema, whole = declared.rows, pa.table({**typed, "_line": chunk.lines})
    types = [column for column in schema.columns if column.name in typed]
    problems = [one for column in types for one in _unread(column, texts[column.name], typed[column.name])]
    given = _without(np.arange(whole.num_rows), [one.rows for one in problems])
    ready = whole.take(pa.array(given)) if problems else whole
    made = compute(declared, ready.drop_columns("_line"), ready["_line"].to_numpy())
    kept, raised = given[made.kept], given[list(made.raised)]
    for row, why in zip(raised, made.raised.values(), strict=True):
        problems.append(Problem(np.array([row]), None, "transform", f"la transformación falla: {why}"))
    if len(kept) + len(raised) < len(given):
        dropped = _without(given, [kept, raised])
        problems.append(Problem(dropped, None, FILTERED, "la transformación la descarta"))
    typed = {column.name: fitted(made.columns[column.name], column.type) for column in schema.columns}
    for one in _broken(schema, made.columns, typed):
        name = one.column
        touched = name and not (
            name in texts and made.columns[name].equals(ready[name].take(pa.array(made.kept)))
        )
        values = made.columns[name].take(pa.array(one.rows)) if name and touched else None
        written = values.cast(pa.string()).to_pylist() if values is not None else None
        problems.append(replace(one, rows=kept[one.rows], made=written))
    return _split(chunk, typed, kept, problems)


def _without(rows: np.ndarray, dropped: list[np.ndarray]) -> np.ndarray:
    return rows[~np.isin(rows, np.concatenate(dropped))] if dropped else rows


def _split(
    chunk: Chunk, typed: dict[str, pa.ChunkedArray], rows: np.ndarray, problems: list[Problem]
) -> tuple[pa.Table, list[Reject]]:
    """Las filas sin problemas, y los rechazos. `rows`: cuáles del trozo son las de `typed`."""
    lines = chunk.lines if len(rows) == len(chunk.lines) else chunk.lines.take(pa.array(rows))
    table = pa.table({**typed, "_line": lines})
    if not problems:
        return table, chunk.rejects
    good = ~np.isin(rows, np.concatenate([problem.rows for problem in problems]))
    rejects = [*chunk.rejects, *_rejects(chunk, problems)]
    return table.filter(pa.array(good)), sorted(rejects, key=lambda reject: reject.line)


def _broken(
    schema: Schema, before: dict[str, pa.ChunkedArray], typed: dict[str, pa.ChunkedArray]
) -> list[Problem]:
    """Todo lo que no se cumple; `before`, los valores antes de darles su tipo."""
    problems: list[Problem] = []
    for column in schema.columns:
        problems += column_problems(column, before[column.name], typed[column.name])
    for check in schema.checks:
        problems += check_problems(check, typed)
    return problems


def _text(chunk: Chunk, name: str) -> pa.ChunkedArray:
    """La columna en texto; toda nula si el archivo no la tiene (solo pasa con las opcionales)."""
    if name in chunk.columns.column_names:
        return chunk.columns[name]
    return pa.chunked_array([pa.nulls(len(chunk.lines), pa.string())])


def column_problems(column: Column, text: pa.ChunkedArray, values: pa.ChunkedArray) -> list[Problem]:
    """Lo que no cumple una columna: obligatoria, tipo y reglas, en ese orden."""
    problems: list[Problem] = []
    if not column.nullable and text.null_count:
        problems.append(Problem(_where(pc.is_null(text)), column.name, "missing", "un valor: es obligatoria"))
    problems += _unread(column, text, values)
    for rule in column.rules:
        fits = satisfies(rule, values)
        if pc.all(fits).as_py() is False:
            failing = _where(pc.invert(fits))
            problems.append(Problem(failing, column.name, reason_code(rule), expectation(rule)))
    return problems


def _unread(column: Column, text: pa.ChunkedArray, values: pa.ChunkedArray) -> list[Problem]:
    """Los valores que no son del tipo de la columna."""
    if values.null_count <= text.null_count:
        return []
    unread = pc.and_(pc.is_null(values), pc.is_valid(text))
    return [Problem(_where(unread), column.name, "type", type_expectation(column.type))]


def check_problems(check: RowCheck, typed: dict[str, pa.ChunkedArray]) -> list[Problem]:
    """Filas que no cumplen una condición entre columnas. Como en SQL, un nulo la da por cumplida."""
    import pandas as pd  # solo lo paga quien declara condiciones entre columnas

    frame = pd.DataFrame(
        {
            name: pd.Series(values, dtype=pd.ArrowDtype(values.type))
            for name, values in typed.items()
            if name in check.expression
        }
    )
    holds = frame.eval(check.expression, engine="python").fillna(True)
    failing = np.flatnonzero(~holds.to_numpy(dtype=bool))
    return [Problem(failing, None, "check", check.message)] if failing.size else []


def _where(mask: pa.ChunkedArray) -> np.ndarray:
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy())


def _rejects(chunk: Chunk, problems: list[Problem]) -> list[Reject]:
    """Un rechazo por fila: el primer motivo lo clasifica y los demás se añaden al mensaje."""
    by_row: dict[int, list[tuple[Problem, int]]] = {}
    for problem in problems:
        for position, row in enumerate(problem.rows.tolist()):
            by_row.setdefault(row, []).append((problem, position))
    return [_reject(chunk, row, found) for row, found in by_row.items()]


def _reject(chunk: Chunk, row: int, found: list[tuple[Problem, int]]) -> Reject:
    first, position = found[0]
    message = "; además, ".join(_explain(chunk, row, *one) for one in found)
    value = _value(chunk, row, first, position)
    return Reject(chunk.lines[row].as_py(), chunk.raw(row), first.column, value, first.code, message)


def _value(chunk: Chunk, row: int, problem: Problem, position: int) -> str | None:
    """El valor que no vale: el que dejó la transformación o, sin ella, el que se leyó."""
    if problem.column is None:
        return None
    text: str | None = problem.made[position] if problem.made else _text(chunk, problem.column)[row].as_py()
    return text


def _explain(chunk: Chunk, row: int, problem: Problem, position: int) -> str:
    if problem.column is None:
        return f"no se cumple: {problem.expected}" if problem.code == "check" else problem.expected
    value = _value(chunk, row, problem, position)
    verb = "la transformación dejó" if problem.made else "se leyó"
    found = "está vacía" if value is None else f"{verb} «{value}»"
    return f"columna «{problem.column}»: {found} y se esperaba {problem.expected}"
