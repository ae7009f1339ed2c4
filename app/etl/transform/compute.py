"""La transformación que escribe cada data set: filas con tipo -> las mismas filas, limpias o con columnas de más.

Entra un trozo con los tipos declarados y sale lo que devolvió la función, ya comprobado: las mismas filas o menos, en
su orden, y las columnas declaradas. Pura, como `validate.py`, que la llama: vale igual en un ejecutor de Spark.
pandas solo se importa aquí: quien no transforma no lo paga.
"""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import FileFailed
from etl.rules import type_expectation
from etl.schema import Column, Declared

if TYPE_CHECKING:
    import pandas as pd

Function = Callable[["pd.DataFrame"], "pd.DataFrame"]
# Filas de un trozo en que la función puede fallar: con más, lo que está mal es ella. Buscar cada una la llama
# unas veinte veces.
MOST_RAISED = 500
DECIMALS = "Opere entre decimales: Decimal(1) - filas['descuento'] / Decimal(100), y no 1 - … / 100."
# De cada clase de columnas declaradas, las que se admiten en su lugar.
KINDS = (
    (pa.types.is_decimal, (pa.types.is_decimal, pa.types.is_integer)),
    (pa.types.is_integer, (pa.types.is_integer, pa.types.is_floating)),
    (pa.types.is_floating, (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal)),
    (pa.types.is_boolean, (pa.types.is_boolean,)),
    (pa.types.is_temporal, (pa.types.is_date, pa.types.is_timestamp)),
    (pa.types.is_string, (pa.types.is_string, pa.types.is_large_string)),
)


class _WrongError(Exception):
    """Lo que hace mal la función, cómo se arregla y, si se sabe, en qué fila."""


@dataclass(frozen=True)
class Made:
    """Lo que dejó la transformación. `kept`: qué filas de las que recibió, por su posición.

    `columns`: cada columna declarada, como la devolvió; `raised`: las filas en que falló, y por qué.
    """

    kept: np.ndarray
    columns: dict[str, pa.ChunkedArray]
    raised: dict[int, str]


def compute(declared: Declared, rows: pa.Table, lines: np.ndarray) -> Made:
    """Aplica la función a unas filas con tipo; `lines` son sus líneas en el archivo, y su índice en pandas.

    Lanza `FileFailed`, con el archivo y la línea de la función, si falla en muchas filas o si lo que devuelve no son
    las filas que recibió, o no tiene las columnas declaradas con su tipo.
    """
    import pandas as pd

    assert declared.function is not None
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    frame.index = pd.Index(lines, name="linea")
    try:
        return _made(declared.function, frame, declared.rows.columns)
    except _WrongError as wrong:
        code, (what, cure, *row) = declared.function.__code__, wrong.args
        raise FileFailed(
            f"La transformación {code.co_qualname} ({code.co_filename}, línea {code.co_firstlineno}): {what}."
            f" Primera fila: línea {frame.index[row[0] if row else 0]}.",
            cure or "Corríjala y repita la carga: de este archivo no quedó nada.",
        ) from wrong.__cause__


def _made(function: Function, frame: "pd.DataFrame", columns: Sequence[Column]) -> Made:
    raised: dict[int, str] = {}
    try:
        made = function(frame.copy())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - es código de quien declara los datos
        raised = _failing(function, frame, error)
        made = _without(function, frame, raised, columns)
    kept = _same_rows(frame, made)
    names, expected = [str(name) for name in made.columns], {column.name for column in columns}
    wrong = sorted(set(names) ^ expected) or [name for name in names if names.count(name) > 1]
    if wrong:
        what = "falta" if wrong[0] not in names else "está repetida" if wrong[0] in expected else "no está declarada"
        raise _WrongError(f"la columna «{wrong[0]}» {what}", "Devuelva justo las columnas declaradas.")
    return Made(kept, {column.name: _arrow(made[column.name], column) for column in columns}, raised)


def _failing(function: Function, frame: "pd.DataFrame", error: BaseException) -> dict[int, str]:
    """Las filas en que falla la función, y por qué; se buscan partiendo por la mitad."""
    found: dict[int, str] = {}
    pending, most = [(0, len(frame), error)], max(1, min(MOST_RAISED, len(frame) // 2))
    while pending:
        start, end, failure = pending.pop()
        middle = (start + end) // 2
        if middle == start:
            found[start] = _said(failure, function)
            if len(found) > most:
                raise _WrongError(next(iter(found.values())), _cure(error), min(found)) from error
            continue
        for one, other in ((middle, end), (start, middle)):
            try:
                function(frame.iloc[one:other].copy())
            except (Exception, SystemExit) as caught:  # noqa: BLE001 - ídem
                pending.append((one, other, caught))
    return found


def _without(
    function: Function, frame: "pd.DataFrame", raised: dict[int, str], columns: Sequence[Column]
) -> "pd.DataFrame":
    """Lo que devuelve la función sin las filas en que falla."""
    import pandas as pd

    good = frame.drop(frame.index[list(raised)])
    if good.empty:
        empty = {column.name: pd.Series([], dtype=pd.ArrowDtype(column.type)) for column in columns}
        return pd.DataFrame(empty, index=good.index)
    try:
        return function(good)
    except (Exception, SystemExit) as error:
        raise _WrongError(_said(error, function), _cure(error)) from error


def _same_rows(frame: "pd.DataFrame", made: Any) -> np.ndarray:
    """Qué filas devolvió, por su posición; falla si no son las que recibió, o no en su orden."""
    import pandas as pd

    if not isinstance(made, pd.DataFrame):
        raise _WrongError(f"devuelve {type(made).__name__}", "Devuelva un DataFrame con las mismas filas.")
    if made.index is frame.index or made.index.equals(frame.index):
        return np.arange(len(frame))
    kept = np.asarray(frame.index.get_indexer(made.index))
    if (kept < 0).any():
        cure = "Conserve el índice: nada de reset_index ni de filas nuevas."
        raise _WrongError("devuelve filas que no recibió", cure)
    if made.index.has_duplicates:
        repeated = made.index[made.index.duplicated()][0]
        row = int(np.argmax(frame.index == repeated))
        raise _WrongError(f"repite la fila de la línea {repeated}", "Devuelva cada fila una vez.", row)
    if (np.diff(kept) < 0).any():
        raise _WrongError("cambia el orden de las filas", "No las ordene: un trozo no es el archivo entero.")
    return kept


def _arrow(series: "pd.Series[Any]", column: Column) -> pa.ChunkedArray:
    """Una columna de lo devuelto, en Arrow; falla si no es de la clase declarada. Un `NaN` es un nulo."""
    try:
        found = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        what = f"la columna «{column.name}» mezcla valores de varias clases: {error}"
        raise _WrongError(what, "") from error
    values = found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    if values.type == column.type or pa.types.is_null(values.type):
        return values
    admitted = next(fine for kind, fine in KINDS if kind(column.type))
    if not any(kind(values.type) for kind in admitted):
        exact = pa.types.is_decimal(column.type)
        expected = "un decimal exacto" if exact else type_expectation(column.type)
        what = f"la columna «{column.name}» es {values.type} ({values[0]}) y se esperaba {expected}"
        raise _WrongError(what, DECIMALS if exact else "")
    return values


def _said(error: BaseException, function: Function) -> str:
    """La excepción y la línea del archivo de la función en que se lanzó."""
    steps = traceback.extract_tb(error.__traceback__)
    inside = [step.lineno for step in steps if step.filename == function.__code__.co_filename]
    where = f", línea {inside[-1]}" if inside else ""
    return f"{type(error).__name__}: {error}{where}"


def _cure(error: BaseException) -> str:
    return DECIMALS if "Decimal precision out of range" in str(error) else ""
