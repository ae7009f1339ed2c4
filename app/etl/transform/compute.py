"""La transformación que escribe cada data set: filas con tipo -> las mismas filas, limpias o con columnas de más.

Entra un trozo con los tipos declarados y sale lo que devolvió la función, ya comprobado: las mismas filas o menos, en
su orden, y las columnas declaradas. Pura, como `validate.py`, que la llama: vale igual en un ejecutor de Spark.
pandas solo se importa aquí: quien no transforma no lo paga.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import FileFailed
from etl.schema import Column, Declared

if TYPE_CHECKING:
    import pandas as pd

Function = Callable[["pd.DataFrame"], "pd.DataFrame"]
# Filas de un trozo en que la función puede fallar: con más, lo que está mal es ella. Buscar cada una la llama
# unas veinte veces.
MOST_RAISED = 500
DECIMALS = "Opere entre decimales: Decimal(1) - filas['descuento'] / Decimal(100), y no 1 - … / 100."
KINDS = (
    (pa.types.is_decimal, (pa.types.is_decimal, pa.types.is_integer), "un decimal exacto"),
    (pa.types.is_integer, (pa.types.is_integer, pa.types.is_floating), "un número entero"),
    (pa.types.is_floating, (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal), "un número"),
    (pa.types.is_boolean, (pa.types.is_boolean,), "sí o no (bool)"),
    (pa.types.is_date, (pa.types.is_date, pa.types.is_timestamp), "una fecha"),
    (pa.types.is_timestamp, (pa.types.is_timestamp, pa.types.is_date), "una fecha y hora"),
    (pa.types.is_string, (pa.types.is_string, pa.types.is_large_string), "un texto"),
)


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

    function = declared.function
    assert function is not None
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    frame.index = pd.Index(lines, name="linea")
    raised: dict[int, str] = {}
    try:
        made = function(frame.copy())
    except Exception as error:  # noqa: BLE001 - es código de quien declara los datos
        raised = _failing(function, frame, error)
        made = _without(function, frame, raised, declared)
    kept = _same_rows(function, frame, made)
    wrong = sorted(set(made.columns) ^ {column.name for column in declared.rows.columns})
    if wrong:
        what = "no está declarada" if wrong[0] in made.columns else "falta"
        raise _failed(
            function, frame, f"la columna «{wrong[0]}» {what}", "Devuelva justo las columnas declaradas."
        )
    columns = {column.name: _arrow(function, made, column) for column in declared.rows.columns}
    return Made(kept, columns, raised)


def _failing(function: Function, frame: "pd.DataFrame", error: Exception) -> dict[int, str]:
    """Las filas en que falla la función, y por qué; se buscan partiendo por la mitad."""
    found: dict[int, str] = {}
    pending, most = [(0, len(frame), error)], min(MOST_RAISED, len(frame) // 2)
    while pending:
        start, end, failure = pending.pop()
        if end - start == 1:
            found[start] = _said(failure, function)
            if len(found) > max(most, 1):
                raise _failed(function, frame, _said(error, function), _cure(error)) from error
            continue
        middle = (start + end) // 2
        for one, other in ((middle, end), (start, middle)):
            try:
                function(frame.iloc[one:other].copy())
            except Exception as caught:  # noqa: BLE001 - ídem
                pending.append((one, other, caught))
    return found


def _without(
    function: Function, frame: "pd.DataFrame", raised: dict[int, str], declared: Declared
) -> "pd.DataFrame":
    """Lo que devuelve la función sin las filas en que falla."""
    import pandas as pd

    good = frame.drop(frame.index[list(raised)])
    if good.empty:
        types = {column.name: pd.ArrowDtype(column.type) for column in declared.rows.columns}
        return pd.DataFrame(
            {name: pd.Series([], dtype=kind) for name, kind in types.items()}, index=good.index
        )
    try:
        return function(good)
    except Exception as error:
        raise _failed(function, frame, _said(error, function), _cure(error)) from error


def _same_rows(function: Function, frame: "pd.DataFrame", made: Any) -> np.ndarray:
    """Qué filas devolvió, por su posición; `FileFailed` si no son las que recibió, o no en su orden."""
    import pandas as pd

    if not isinstance(made, pd.DataFrame):
        raise _failed(
            function, frame, f"devuelve {type(made).__name__}", "Devuelva un DataFrame con las mismas filas."
        )
    if made.index is frame.index or made.index.equals(frame.index):
        return np.arange(len(frame))
    kept = np.asarray(frame.index.get_indexer(made.index))
    if (kept < 0).any():
        what, cure = (
            "devuelve filas que no recibió",
            "Conserve el índice: nada de reset_index ni de filas nuevas.",
        )
    elif made.index.has_duplicates:
        what, cure = (
            f"repite la fila de la línea {made.index[made.index.duplicated()][0]}",
            "Devuelva cada fila una vez.",
        )
    elif (np.diff(kept) < 0).any():
        what, cure = "cambia el orden de las filas", "No las ordene: un trozo no es el archivo entero."
    else:
        return kept
    raise _failed(function, frame, what, cure)


def _arrow(function: Function, made: "pd.DataFrame", column: Column) -> pa.ChunkedArray:
    """Una columna de lo devuelto, en Arrow; `FileFailed` si no es de la clase declarada. Un `NaN` es un nulo."""
    series = made[column.name]
    try:
        found = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        raise _failed(
            function, made, f"la columna «{column.name}» mezcla valores de varias clases: {error}"
        ) from error
    values = found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    if values.type == column.type or pa.types.is_null(values.type):
        return values
    for wanted, fine, words in KINDS:
        if wanted(column.type) and not any(kind(values.type) for kind in fine):
            what = f"la columna «{column.name}» es {values.type} ({values[0]}) y se esperaba {words}"
            raise _failed(function, made, what, DECIMALS if pa.types.is_decimal(column.type) else "")
    return values


def _said(error: Exception, function: Function) -> str:
    """La excepción y la línea del archivo de la función en que se lanzó."""
    steps = traceback.extract_tb(error.__traceback__)
    inside = [step.lineno for step in steps if step.filename == function.__code__.co_filename]
    where = f", línea {inside[-1]}" if inside else ""
    return f"{type(error).__name__}: {error}{where}"


def _cure(error: Exception) -> str:
    return DECIMALS if "Decimal precision out of range" in str(error) else ""


def _failed(function: Function, frame: "pd.DataFrame", what: str, cure: str = "") -> FileFailed:
    """Un fallo de la transformación, dicho a quien la escribió."""
    code = function.__code__
    first = f" Primera fila: línea {frame.index[0]}." if len(frame) else ""
    return FileFailed(
        f"La transformación {code.co_qualname} ({code.co_filename}, línea {code.co_firstlineno}) {what}.{first}",
        cure or "Corríjala y repita la carga: de este archivo no quedó nada.",
    )
