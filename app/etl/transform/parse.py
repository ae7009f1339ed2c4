"""Texto -> valor con tipo, columna a columna. Lo que no encaja queda nulo; nada se adivina.

Entra una columna de texto de Arrow y sale otra con el tipo declarado y el mismo número de filas.
La usa `validate.py`. Primero se intenta la conversión directa, que es la más rápida; solo si
algún valor falla se mira la forma de cada uno.
"""

import re
from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import EMPTY, NOTHING, constants
from etl.dialect import Dialect

INTEGER = r"^[+-]?[0-9]+$"
# Los días que tiene cada mes; el 29 de febrero de un año no bisiesto se descubre al convertir.
CALENDAR = (
    r"^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|[12][0-9]))([ T].*)?$"
)
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"

ISO = "%Y-%m-%d"
# Cada código de fecha: qué texto admite. El resto del formato se toma al pie de la letra.
DATE_CODES = {
    "%d": r"(?P<d>[0-9]{1,2})",
    "%m": r"(?P<m>[0-9]{1,2})",
    "%Y": r"(?P<Y>[0-9]{4})",
    "%y": r"(?P<y>[0-9]{2})",
    "%H": r"(?P<H>[0-9]{1,2})",
    "%M": r"(?P<M>[0-9]{2})",
    "%S": r"(?P<S>[0-9]{2})",
}
# Como `strptime` de POSIX: 69 a 99 son de 1969 a 1999, y 00 a 68 de 2000 a 2068.
PIVOT, *CENTURIES = constants([69, 19, 20])
DASH, COLON, SPACE = constants(["-", ":", " "])
FIRST_DAY = date(1, 1, 1)


def parse(
    text: pa.ChunkedArray, data_type: pa.DataType, dialect: Dialect, also: Dialect | None = None
) -> pa.ChunkedArray:
    """La columna con tipo `data_type`; nulo donde el texto es nulo o no es un valor de ese tipo.

    `also`: otra manera de escribir las fechas, que también vale.
    """
    if pa.types.is_string(data_type):
        return text
    if pa.types.is_boolean(data_type):
        return _booleans(text, dialect)
    if pa.types.is_temporal(data_type):
        values = _temporal(text, data_type, dialect)
        missed = also and values.null_count > text.null_count
        return pc.coalesce(values, _temporal(text, data_type, also)) if also and missed else values
    return _numbers(_to_point(text, dialect), data_type)


def _booleans(text: pa.ChunkedArray, dialect: Dialect) -> pa.ChunkedArray:
    word = pc.utf8_lower(pc.utf8_trim_whitespace(text))
    known = pc.is_in(word, constants([*dialect.true_words, *dialect.false_words]))
    return pc.if_else(known, pc.is_in(word, constants(dialect.true_words)), NOTHING)


def _to_point(text: pa.ChunkedArray, dialect: Dialect) -> pa.ChunkedArray:
    """Números escritos con el decimal y los millares del dialecto, a punto decimal sin millares.

    Se exige la forma completa: con coma decimal, «12.5» no es 125 ni 12,5; queda nulo.
    """
    if dialect.decimal == "." and not dialect.thousands:
        return text
    point, group = re.escape(dialect.decimal), re.escape(dialect.thousands or "")
    whole = rf"([0-9]+|[0-9]{{1,3}}({group}[0-9]{{3}})+)" if group else "[0-9]+"
    fits = pc.match_substring_regex(text, rf"^\s*[+-]?{whole}({point}[0-9]*)?\s*$")
    plain = pc.replace_substring(text, dialect.thousands, "") if dialect.thousands else text
    return pc.if_else(fits, pc.replace_substring(plain, dialect.decimal, "."), NOTHING)


def _numbers(text: pa.ChunkedArray, data_type: pa.DataType) -> pa.ChunkedArray:
    integer = pa.types.is_integer(data_type)
    try:
        # Arrow lee «0x1F» como 31; aquí un hexadecimal no es un número. Mirar los bytes de golpe cuesta casi nada.
        buffers = [chunk.buffers()[2] for chunk in text.chunks] if integer else []
        if any(b"x" in bytes(buffer).lower() for buffer in buffers if buffer):
            raise pa.ArrowInvalid("hexadecimal")
        values = text.cast(data_type)
    except pa.ArrowInvalid:
        shape = INTEGER if integer else NUMBER
        values = _by_value(text, lambda some: _cast_one_by_one(_shaped(some, shape), data_type))
    if pa.types.is_floating(data_type):
        return pc.if_else(pc.is_finite(values), values, NOTHING)
    return values


def _shaped(text: pa.ChunkedArray, shape: str) -> pa.ChunkedArray:
    """Sin espacios alrededor ni «+» delante; nulo lo que no tiene la forma pedida."""
    trimmed = pc.utf8_trim_whitespace(text)
    fits = pc.match_substring_regex(trimmed, shape)
    return pc.if_else(fits, pc.utf8_ltrim(trimmed, "+"), NOTHING)


def _cast_one_by_one(text: pa.ChunkedArray, data_type: pa.DataType) -> pa.ChunkedArray:
    """Convierte lo que se pueda, partiendo por la mitad cada trozo en que algo falla.

    Con pocos valores malos cuesta pocas conversiones más; el último caso es un valor solo.
    """
    try:
        return text.cast(data_type)
    except pa.ArrowInvalid:
        if len(text) == 1:
            return pa.chunked_array([pa.nulls(1, data_type)])
        half = len(text) // 2
        left, right = (_cast_one_by_one(part, data_type) for part in (text[:half], text[half:]))
        return pa.chunked_array([*left.chunks, *right.chunks], data_type)


def fitted(values: pa.ChunkedArray, data_type: pa.DataType) -> pa.ChunkedArray:
    """Valores que ya lo son, con otro tipo de su clase; nulo donde no cabe sin cambiarlo.

    Un decimal con cifras de más se redondea, y la mitad exacta, hacia fuera: como PostgreSQL y las facturas.
    """
    if values.type == data_type:
        return values
    if pa.types.is_decimal(data_type) and pa.types.is_decimal(values.type):
        values = pc.round(values, ndigits=data_type.scale, round_mode="half_towards_infinity")
    found = _cast_one_by_one(values, data_type)
    if pa.types.is_date(data_type) and pa.types.is_timestamp(values.type):
        return pc.if_else(pc.equal(found.cast(values.type), values), found, NOTHING)
    return found


def _by_value(text: pa.ChunkedArray, convert: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> pa.ChunkedArray:
    """Lo que es lento convertir, una sola vez por valor distinto: en una columna de fechas son pocos."""
    values = text.combine_chunks().dictionary_encode()
    return convert(pa.chunked_array([values.dictionary])).take(values.indices)


def _temporal(text: pa.ChunkedArray, data_type: pa.DataType, dialect: Dialect) -> pa.ChunkedArray:
    try:
        if dialect.date_format != ISO:
            raise pa.ArrowInvalid(dialect.date_format)
        values = text.cast(data_type)
    except pa.ArrowInvalid:
        values = _by_value(text, lambda some: _moments(_to_iso(some, dialect.date_format), data_type))
    # Arrow tiene un año 0; el calendario y PostgreSQL, no.
    exists = pc.greater_equal(values, constants([FIRST_DAY], pa.date32())[0].cast(data_type))
    return values if pc.all(exists).as_py() is not False else pc.if_else(exists, values, NOTHING)


def _moments(iso: pa.ChunkedArray, data_type: pa.DataType) -> pa.ChunkedArray:
    try:
        return iso.cast(data_type)
    except pa.ArrowInvalid:
        # «2025-3-7» vale lo mismo que «2025-03-07»; Arrow solo admite lo segundo.
        padded = pc.replace_substring_regex(pc.utf8_trim_whitespace(iso), r"([- ])([0-9])\b", r"\10\2")
        return _cast_one_by_one(pc.if_else(pc.match_substring_regex(padded, CALENDAR), padded, NOTHING), data_type)


def _to_iso(text: pa.ChunkedArray, date_format: str) -> pa.ChunkedArray:
    """Fechas escritas con `date_format`, a ISO 8601; nulo lo que no tiene esa forma."""
    if date_format == ISO:
        return text
    pattern = re.escape(date_format)
    for code, shape in DATE_CODES.items():
        pattern = pattern.replace(re.escape(code), shape)
    parts = pc.extract_regex(text, rf"^\s*{pattern}\s*$")
    part = {field.name: pc.struct_field(parts, field.name) for field in parts.type}
    if "y" in part:
        century = pc.if_else(pc.greater_equal(part["y"], PIVOT), *CENTURIES)
        part["Y"] = pc.binary_join_element_wise(century, part["y"], EMPTY)
    day = pc.binary_join_element_wise(part["Y"], part["m"], part["d"], DASH)
    if "H" not in part:
        return day
    clock = [part[code] for code in "HMS" if code in part]
    return pc.binary_join_element_wise(day, pc.binary_join_element_wise(*clock, COLON), SPACE)
