"""Aplica a cada trozo lo decidido por `infer.py`: de textos a valores exactos, o `Misfit`.

Nada se pierde ni se cambia: un valor que no tiene la forma de su columna obliga a decidir otra vez, y
una fecha que no existe aparta su fila. Lo usan `one_table.py` y `inspection.py`.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import EMPTY, NOTHING, Chunk, Reject, constants
from etl.schema import Column
from etl.transform.parse import FIRST_DAY, parse
from etl.transform.validate import Problem, split, unread
from extras.formats.look import CONTROL, odd_sign_warning
from extras.undeclared import formats
from extras.undeclared.evidence import all_match, any_match, significant
from extras.undeclared.infer import FLOAT_DIGITS, Plan

# Fechas imposibles («31/02/2024») que se apartan; con más, es que la columna no es de fechas.
IMPOSSIBLE, IMPOSSIBLE_SHARE = 3, 0.01
NO_DATES = "muchas de sus fechas no existen; declare date_format"
NOT_EXACT = "algunos de sus valores no se pueden guardar de otro modo sin cambiarlos; declare el tipo"
ZERO, MINUS, POINT = b"0-."
# Los números de coma flotante de menos tamaño tienen menos cifras, o son cero.
SMALLEST = constants([sys.float_info.min], pa.float64())[0]
_CONTROL_BYTES = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")


class Misfit(Exception):
    """Una fila posterior no encaja en lo decidido: hay que mirar todas y volver a decidir.

    `reason`: por qué la columna debe quedar en texto aunque todas sus filas parezcan de otro tipo.
    """

    def __init__(self, column: str, reason: str | None = None) -> None:
        super().__init__(column)
        self.column = column
        self.reason = reason


def convert(chunk: Chunk, plans: list[Plan]) -> tuple[pa.Table, list[Reject]]:
    """Las filas de un trozo con los tipos decididos, y las que se apartan: también, por una fecha imposible.

    En una columna que no es de texto, los espacios de alrededor sobran y un vacío es un valor que falta.
    Lanza `Misfit` si un valor no tiene la forma de su columna: nada se pierde ni se cambia.
    """
    typed: dict[str, pa.ChunkedArray] = {}
    problems: list[Problem] = []
    for plan in plans:
        text = chunk.columns[plan.name]
        try:
            values = _exact(text, plan)
        except Misfit:
            text = pc.utf8_trim_whitespace(text)
            text = pc.if_else(pc.equal(text, EMPTY), NOTHING, text)
            values = _exact(text, plan)
        typed[plan.name] = values
        if values.null_count > text.null_count:
            problems += unread(Column(plan.name, plan.type), text, values, None)
    if not problems:
        return pa.table({**typed, "_line": chunk.lines}), sorted(chunk.rejects, key=lambda reject: reject.line)
    return split(chunk, typed, np.arange(len(chunk.lines)), problems)


@dataclass
class ImpossibleDates:
    """Lleva la cuenta de las fechas imposibles: unas pocas se apartan, muchas es que no son fechas."""

    rows: int = 0
    found: Counter[str] = field(default_factory=Counter)

    def count(self, rejects: list[Reject], rows: int) -> None:
        """Suma las de un trozo de `rows` filas, en lo apartado. Lanza `Misfit` si en una columna son demasiadas."""
        self.rows += rows
        self.found.update(reject.column for reject in rejects if reject.column)
        for column, count in self.found.items():
            if count > max(IMPOSSIBLE, IMPOSSIBLE_SHARE * self.rows):
                raise Misfit(column, NO_DATES)


def _exact(text: pa.ChunkedArray, plan: Plan) -> pa.ChunkedArray:
    """La columna con su tipo; `Misfit` si algún texto no es exactamente un valor de ese tipo."""
    if plan.format is None:
        return text
    if plan.format in (formats.INTEGER, formats.LONG_INTEGER, formats.POINT):
        # El camino rápido: Arrow ya rechaza casi todo lo que no es un número; el resto se mira aparte.
        values = _cast(text, plan)
        if _looks_like_code(text):
            raise Misfit(plan.name)
        return values
    if plan.format is formats.ISO_DATE and (days := _days(text)) is not None:
        return days
    if not all_match(text, plan.format.regex):
        raise Misfit(plan.name)
    if plan.format is formats.NESTED:
        return text
    if plan.format is formats.SCIENTIFIC and pa.types.is_floating(plan.type):
        return _doubles(text, plan)
    if plan.format in (formats.SCIENTIFIC, formats.DOUBLE, formats.INSTANT):
        return _cast(text, plan)
    if plan.format is formats.BINARY:
        return _mapped(text, lambda value: bytes.fromhex(value[2:]), plan.type)
    if plan.format is formats.DURATION:
        return _mapped(text, _length, plan.type)
    values = parse(text, plan.type, plan.format.dialect)
    if values.null_count > text.null_count and not pa.types.is_temporal(plan.type):
        raise Misfit(plan.name)
    return values


def _cast(text: pa.ChunkedArray, plan: Plan) -> pa.ChunkedArray:
    try:
        return text.cast(plan.type)
    except pa.ArrowInvalid as error:
        raise Misfit(plan.name) from error


def _doubles(text: pa.ChunkedArray, plan: Plan) -> pa.ChunkedArray:
    """Los números, si en coma flotante siguen siendo los que se escribieron: ni más cifras, ni fuera de su alcance."""
    values = _cast(text, plan)
    usual = pc.and_(pc.is_finite(values), pc.greater_equal(pc.abs(values), SMALLEST))
    if any_match(text.filter(pc.invert(usual)), "^[^eE]*[1-9]") or significant(text) > FLOAT_DIGITS:
        raise Misfit(plan.name)
    return values


def _mapped(text: pa.ChunkedArray, make: Callable[[str], Any], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([[value if value is None else make(value) for value in text.to_pylist()]], kind)


def _length(text: str) -> timedelta:
    hours, minutes, seconds = text.removeprefix("-").split(":")
    length = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    return -length if text.startswith("-") else length


def _days(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Los días de una columna de fechas ISO, si todos lo son y existen; así no hay que mirar su forma."""
    try:
        days = text.cast(pa.date32())
    except pa.ArrowInvalid:
        return None
    first = pc.min(days)
    return days if not first.is_valid or first.as_py() >= FIRST_DAY else None


def _looks_like_code(text: pa.ChunkedArray) -> bool:
    """«00123», «+34», «-05», «0x1F», «1e5», «5.»: números para Arrow, que escritos de nuevo serían otra cosa.

    Se mira en los bytes de la columna entera: con una expresión regular costaba tanto como leerla.
    """
    for piece in text.chunks:
        _, offsets, data = piece.buffers()
        if data is None or len(piece) == piece.null_count:
            continue
        edges = np.frombuffer(offsets, np.int32)[piece.offset : piece.offset + len(piece) + 1]
        written = bytes(data[edges[0] : edges[-1]])
        signs, start, end = np.frombuffer(written, np.uint8), edges[:-1] - edges[0], edges[1:] - edges[0]
        if b"-" in written:
            start = start + (signs[np.minimum(start, len(signs) - 1)] == MINUS)
        longer = start[end - start > 1]
        if written.translate(None, b"0123456789.-") or (signs[longer[signs[longer] == ZERO] + 1] != POINT).any():
            return True
        if b"." in written and (signs[end[end > start] - 1] == POINT).any():
            return True
    return False


def odd_sign(chunk: Chunk) -> str | None:
    """El aviso del primer signo que nadie escribe (U+0080 a U+009F) de un trozo."""
    found = []
    for column in chunk.columns.columns:
        # Buscar con una expresión regular tarda: antes se mira si hay algo que no sea ASCII.
        texts = (data for piece in column.chunks if (data := piece.buffers()[2]))
        if any(np.frombuffer(data, np.int8).min() < 0 and _CONTROL_BYTES.search(data) for data in texts):
            row = pc.index(pc.match_substring_regex(column, CONTROL), True).as_py()
            found += [(chunk.lines[row].as_py(), column[row].as_py())] if row >= 0 else []
    return odd_sign_warning(re.findall(CONTROL, min(found)[1])[0], min(found)[0]) if found else None
