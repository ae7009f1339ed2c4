"""Valida: un trozo de filas en texto -> las filas buenas con su tipo, y las malas con su motivo.

Función pura: no lee archivos, no habla con la base de datos y no mira el reloj. Por eso el mismo
código vale para este proceso (`local.py`) y para los ejecutores de Spark.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import Chunk, Reject
from etl.rules import expectation, reason_code, satisfies, type_expectation
from etl.schema import Column, RowCheck, Schema
from etl.transform.parse import parse


@dataclass(frozen=True)
class Problem:
    """Un motivo de rechazo y las filas del trozo a las que afecta (índices desde 0)."""

    rows: np.ndarray
    column: str | None
    code: str
    expected: str


def transform(chunk: Chunk, schema: Schema) -> tuple[pa.Table, list[Reject]]:
    """Aplica tipos y reglas a un trozo.

    Devuelve una tabla con las columnas de `schema` y `_line`, en el orden del archivo, y los
    rechazos (incluidos los que traía el trozo) por orden de línea. Filas que entran = filas
    válidas + rechazos, siempre.
    """
    texts = {column.name: _text(chunk, column.name) for column in schema.columns}
    typed = {column.name: parse(texts[column.name], column.type, chunk.dialect) for column in schema.columns}
    problems: list[Problem] = []
    for column in schema.columns:
        problems += column_problems(column, texts[column.name], typed[column.name])
    for check in schema.checks:
        problems += check_problems(check, typed)
    rows = pa.table({**typed, "_line": chunk.lines})
    if not problems:
        return rows, chunk.rejects
    rejects = [*chunk.rejects, *_rejects(chunk, problems)]
    good = np.ones(rows.num_rows, dtype=bool)
    good[np.concatenate([problem.rows for problem in problems])] = False
    return rows.filter(pa.array(good)), sorted(rejects, key=lambda reject: reject.line)


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
    if values.null_count > text.null_count:
        unread = pc.and_(pc.is_null(values), pc.is_valid(text))
        problems.append(Problem(_where(unread), column.name, "type", type_expectation(column.type)))
    for rule in column.rules:
        fits = satisfies(rule, values)
        if pc.all(fits).as_py() is False:
            failing = _where(pc.invert(fits))
            problems.append(Problem(failing, column.name, reason_code(rule), expectation(rule)))
    return problems


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
    by_row: dict[int, list[Problem]] = {}
    for problem in problems:
        for row in problem.rows.tolist():
            by_row.setdefault(row, []).append(problem)
    return [_reject(chunk, row, found) for row, found in by_row.items()]


def _reject(chunk: Chunk, row: int, found: list[Problem]) -> Reject:
    first = found[0]
    value = _text(chunk, first.column)[row].as_py() if first.column else None
    message = "; además, ".join(_explain(chunk, row, problem) for problem in found)
    return Reject(chunk.lines[row].as_py(), chunk.raw(row), first.column, value, first.code, message)


def _explain(chunk: Chunk, row: int, problem: Problem) -> str:
    if problem.column is None:
        return f"no se cumple: {problem.expected}"
    value = _text(chunk, problem.column)[row].as_py()
    found = "está vacía" if value is None else f"se leyó «{value}»"
    return f"columna «{problem.column}»: {found} y se esperaba {problem.expected}"
