"""Las formas en que se escribe un número, una fecha o un sí/no, con el tipo que les corresponde.

Es la lista de lo que `infer.py` sabe reconocer. Cada forma es exacta: lo que no la cumple entero no
es de ese tipo. Un cero delante («00123») o un signo de más no es un número: es un código.
"""

from dataclasses import dataclass, replace
from itertools import chain

import pyarrow as pa

from etl.dialect import Dialect

# Fuera quedan «1» y «0», que son números, y «t», «f», «s», que pueden ser códigos.
YES = ("true", "sí", "si", "verdadero", "yes")
NO = ("false", "no", "falso")
PLAIN = Dialect(true_words=YES, false_words=NO)
# Lo que cabe en un entero de 64 bits con seguridad y en un decimal de Arrow.
INTEGER_DIGITS, DECIMAL_DIGITS = 18, 38


@dataclass(frozen=True, eq=False)
class Format:
    """Una forma de escribir un valor. `dialect` dice a `parse` cómo leerla. Cada una es solo igual a sí misma."""

    name: str
    regex: str
    type: pa.DataType
    dialect: Dialect = PLAIN


_WHOLE = "(0|[1-9][0-9]*)"
_DAY, _TIME, _SECONDS = pa.date32(), " [0-9]{1,2}:[0-9]{2}", " [0-9]{1,2}:[0-9]{2}:[0-9]{2}"
_MOMENT = pa.timestamp("us")
_DECIMAL = pa.decimal128(DECIMAL_DIGITS, 0)

BOOLEAN = Format("sí/no", rf"(?i)^({'|'.join(YES + NO)})$", pa.bool_())
INTEGER = Format("entero", f"^-?(0|[1-9][0-9]{{0,{INTEGER_DIGITS - 1}}})$", pa.int64())
LONG_INTEGER = Format("entero largo", f"^-?(0|[1-9][0-9]{{0,{DECIMAL_DIGITS - 1}}})$", _DECIMAL)
POINT = Format("decimal con punto", rf"^-?({_WHOLE}(\.[0-9]+)?|\.[0-9]+)$", _DECIMAL)
COMMA = Format("decimal con coma", f"^-?({_WHOLE}(,[0-9]+)?|,[0-9]+)$", _DECIMAL, replace(PLAIN, decimal=","))
# «1.234,56» y «1,234.56»: se admiten también los que no llevan millares.
SPANISH = Format(
    "decimal con coma y puntos de millar",
    r"^-?(0|[1-9][0-9]{0,2}(\.[0-9]{3})+|[1-9][0-9]*)(,[0-9]+)?$", _DECIMAL, replace(PLAIN, decimal=",", thousands="."),
)  # fmt: skip
ENGLISH = Format(
    "decimal con punto y comas de millar",
    r"^-?(0|[1-9][0-9]{0,2}(,[0-9]{3})+|[1-9][0-9]*)(\.[0-9]+)?$", _DECIMAL, replace(PLAIN, thousands=","),
)  # fmt: skip
DECIMALS = (POINT, COMMA, SPANISH, ENGLISH)
# «3.7e-09»: el tipo, exacto o de coma flotante, lo deciden los valores (`infer.py`).
SCIENTIFIC = Format(
    "número con exponente", rf"^-?({_WHOLE}(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]{{1,3}})?$", pa.float64()
)

ISO_DATE = Format("%Y-%m-%d", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", _DAY, replace(PLAIN, date_format="%Y-%m-%d"))
ISO_MOMENT = Format(
    "ISO con hora",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$", _MOMENT,
)  # fmt: skip
# En una hoja de cálculo, la medianoche de un día se guarda y se lee como el día solo.
NATIVE_MOMENT = Format("ISO, a veces sin hora", f"{ISO_DATE.regex}|{ISO_MOMENT.regex}", _MOMENT)
HOURS = (("", "", _DAY), (" %H:%M", _TIME, _MOMENT), (" %H:%M:%S", _SECONDS, _MOMENT))
# Qué números puede llevar cada parte de una fecha. Con el año delante no hay dudas: la que no exista, se aparta.
PARTS = {"d": "([0-2]?[0-9]|3[01])", "m": "(0?[0-9]|1[0-2])", "y": "[0-9]{2}", "Y": "[0-9]{4}"}
YEAR_FIRST = PARTS | dict.fromkeys("dm", "[0-9]{1,2}")
# En qué orden van las partes, con qué signos entre ellas y qué puede llevar cada una.
ORDERS = [("Ymd", "-/", YEAR_FIRST), *((order, "/-.", PARTS) for order in ("dmY", "mdY", "dmy", "mdy", "ymd"))]
DATES = {
    order: [
        Format(code, f"^{day}{shape}$", kind, replace(PLAIN, date_format=code))
        for mark in marks
        for day in [f"[{mark}]".join(parts[part] for part in order)]
        for hour, shape, kind in HOURS
        for code in [mark.join(f"%{part}" for part in order) + hour]
    ]
    for order, marks, parts in ORDERS
}
# «2014-7-1», «2014/07/01».
LOOSE = DATES.pop("Ymd")
# El orden de las partes lo dicen los valores: el único que todos admiten.
ORDERED = [*chain(*DATES.values())]
# Lo que ya tiene su tipo en el archivo (Parquet, SQLite, un libro): aquí solo se escribe como texto.
DOUBLE = Format("coma flotante", r"(?i)^-?([0-9.]+(e[+-]?[0-9]+)?|inf)$|^nan$", pa.float64())
INSTANT = Format(
    "instante", rf"{ISO_MOMENT.regex.rstrip('$')}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})$", pa.timestamp("us", "UTC")
)
DURATION = Format("duración", r"^-?[0-9]+:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?$", pa.duration("us"))
BINARY = Format("bytes", r"^\\x([0-9a-f]{2})*$", pa.binary())
TYPED = (DOUBLE, INSTANT, DURATION, BINARY)
NESTED = Format("JSON", r"^\s*[\[{]", pa.string())

ALL = (BOOLEAN, INTEGER, LONG_INTEGER, *DECIMALS, SCIENTIFIC, ISO_DATE, ISO_MOMENT, *LOOSE, *ORDERED)
# Todas las que puede llevar una columna ya decidida.
EVERY = (*ALL, NATIVE_MOMENT, NESTED, *TYPED)

# Las formas de una columna que en su archivo es de una clase; un texto solo puede ser una fecha.
KINDS: dict[str, tuple[Format, ...]] = {
    "text": (ISO_DATE, ISO_MOMENT, NATIVE_MOMENT, *LOOSE, *ORDERED),
    "only_text": (),
    "integer": (INTEGER, LONG_INTEGER),
    "number": (INTEGER, LONG_INTEGER, POINT, SCIENTIFIC),
    "decimal": (POINT,),
    "double": (DOUBLE,),
    "bool": (BOOLEAN,),
    "moment": (ISO_DATE, ISO_MOMENT, NATIVE_MOMENT),
    "date": (ISO_DATE,),
    "timestamp": (NATIVE_MOMENT,),
    "instant": (INSTANT,),
    "duration": (DURATION,),
    "binary": (BINARY,),
    "nested": (NESTED,),
}
