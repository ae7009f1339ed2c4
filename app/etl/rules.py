"""Lo que se puede exigir a un valor, cada regla en un solo sitio: cómo se comprueba, su SQL y sus palabras.

Las lleva la anotación de una columna (`Annotated[int, Ge(1)]`). `dataset.py` hace con ellas los CHECK y
`transform/` las comprueba. Solo valores simples: viajan tal cual a los procesos de Spark.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import annotated_types as at
import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import NOTHING, constants


@dataclass(frozen=True)
class Pattern:
    """El texto entero cumple la expresión regular; `example` enseña uno que la cumple."""

    regex: str
    example: str


@dataclass(frozen=True)
class OneOf:
    """El valor es uno de los de la lista."""

    values: tuple[Any, ...]


Rule = at.Ge | at.Gt | at.Le | at.Lt | at.MinLen | at.MaxLen | Pattern | OneOf


@dataclass(frozen=True)
class Kind:
    """Una clase de regla.

    `limit`: el campo de la regla con lo que exige. `fits`: qué valores de Arrow la cumplen. `condition`: lo
    mismo sobre una columna de SQLAlchemy, o sobre su longitud si `of_length`. `words` completa «se esperaba …».
    `code`: el motivo del rechazo; las consultas y los informes agrupan por él.
    """

    limit: str
    fits: Callable[[pa.Array, Any], pa.Array]
    condition: Callable[[Any, Any], Any]
    words: str
    code: str = "out_of_range"
    of_length: bool = False


def _compared(compare: Callable[..., pa.Array]) -> Callable[[pa.Array, Any], pa.Array]:
    return lambda values, bound: compare(values, _bound(bound, values.type))


def _bound(value: Any, data_type: pa.DataType) -> pa.Scalar:
    """El límite con el tipo de la columna, o con más decimales: `Decimal(str())` evita que 0.1 deje de ser 0.1."""
    if pa.types.is_decimal(data_type):
        exponent = Decimal(str(value)).as_tuple().exponent
        data_type = pa.decimal128(38, max(data_type.scale, -int(exponent)))
    try:
        return constants([value], data_type)[0]
    except pa.ArrowInvalid:  # no se escribe como en un archivo: 1e6, una hora con su zona
        return pa.scalar(value, data_type)


def _long_enough(values: pa.Array, length: int) -> pa.Array:
    return pc.greater_equal(pc.utf8_length(values), constants([length], pa.int32())[0])


def _short_enough(values: pa.Array, length: int) -> pa.Array:
    # Un carácter ocupa un byte o más: si los bytes caben, los caracteres también, y es más rápido.
    most = constants([length], pa.int32())[0]
    fits = pc.less_equal(pc.binary_length(values), most)
    return fits if pc.all(fits).as_py() else pc.less_equal(pc.utf8_length(values), most)


def _among(values: pa.Array, allowed: tuple[Any, ...]) -> pa.Array:
    try:
        known = constants(allowed, values.type)
    except pa.ArrowInvalid:  # como en `_bound`
        known = pa.array(allowed, values.type)
    return pc.if_else(pc.is_valid(values), pc.is_in(values, known), NOTHING)


KINDS: dict[type[Any], Kind] = {
    at.Ge: Kind("ge", _compared(pc.greater_equal), operator.ge, "un valor mayor o igual que {}"),
    at.Gt: Kind("gt", _compared(pc.greater), operator.gt, "un valor mayor que {}"),
    at.Le: Kind("le", _compared(pc.less_equal), operator.le, "un valor menor o igual que {}"),
    at.Lt: Kind("lt", _compared(pc.less), operator.lt, "un valor menor que {}"),
    at.MinLen: Kind(
        "min_length", _long_enough, operator.ge, "un texto de {} caracteres o más", "length", of_length=True
    ),
    at.MaxLen: Kind(
        "max_length", _short_enough, operator.le, "un texto de {} caracteres como máximo", "length", of_length=True
    ),
    Pattern: Kind("regex", pc.match_substring_regex, lambda column, regex: column.regexp_match(regex), "", "pattern"),
    OneOf: Kind("values", _among, lambda column, values: column.in_(values), "uno de: {}", "not_allowed"),
}


TYPE_WORDS = (
    (pa.types.is_floating, "un número"),
    (pa.types.is_date, "una fecha que exista"),
    (pa.types.is_timestamp, "una fecha y hora que existan"),
    (pa.types.is_boolean, "sí o no"),
)


def limit(rule: Rule) -> Any:
    """Lo que exige la regla: el 1 de `Ge(1)`."""
    return getattr(rule, KINDS[type(rule)].limit)


def satisfies(rule: Rule, values: pa.Array) -> pa.Array:
    """Qué valores cumplen la regla: booleanos, nulo donde el valor es nulo."""
    kind = KINDS[type(rule)]
    return kind.fits(values, getattr(rule, kind.limit))


def expectation(rule: Rule) -> str:
    """La regla en palabras, para completar «se esperaba …»."""
    if isinstance(rule, Pattern):
        return f"un texto como «{rule.example}»"
    wanted = limit(rule)
    return KINDS[type(rule)].words.format(", ".join(map(str, wanted)) if isinstance(rule, OneOf) else wanted)


def reason_code(rule: Rule) -> str:
    """El código estable del rechazo."""
    return KINDS[type(rule)].code


def type_expectation(data_type: pa.DataType, date_format: str | None = None) -> str:
    """El tipo en palabras, para completar «se esperaba …»; con `date_format`, también cómo se escribe una fecha."""
    if date_format and pa.types.is_temporal(data_type):
        return f"{type_expectation(data_type)}, escrita «{spelled(date_format)}» o como en ISO 8601"
    if pa.types.is_integer(data_type):
        return f"un número entero de hasta {data_type.bit_width} bits"
    if pa.types.is_decimal(data_type):
        whole = data_type.precision - data_type.scale
        return f"un número con {whole} cifras enteras y {data_type.scale} decimales como máximo"
    return next((words for is_one, words in TYPE_WORDS if is_one(data_type)), "un texto")


def spelled(date_format: str) -> str:
    """«%d/%m/%Y» -> «dd/mm/aaaa»."""
    words = {"%d": "dd", "%m": "mm", "%Y": "aaaa", "%y": "aa", "%H": "hh", "%M": "mm", "%S": "ss"}
    return re.sub("%[a-zA-Z]", lambda code: words.get(code[0], code[0]), date_format)
