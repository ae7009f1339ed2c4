"""Qué tipo tiene cada columna de un archivo sin declarar, según todos sus valores.

Entra lo visto de cada columna (`evidence.py`) y sale un `Plan`: su tipo, o texto con una advertencia si
los valores admiten dos lecturas. Lo aplica `convert.py`. Puro: ni archivos ni base de datos.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from etl.rules import spelled
from extras.undeclared import formats
from extras.undeclared.evidence import MOST_TEXTS, Evidence
from extras.undeclared.formats import Format
from extras.undeclared.names import NAMED, some

SHORT_YEARS = (
    "años de dos cifras; de 69 a 99 se toman como 1969 a 1999 y de 00 a 68 como 2000 a 2068. "
    "Declare la columna si no es así."
)
# Los que no bastan por sí solos para una columna de sí o no: «NO» es también Noruega.
SAYS_YES, SAYS_NO = frozenset(("sí", "si", "yes")), frozenset(("no",))
# Con más cifras significativas, un número de coma flotante ya no es el que se escribió.
FLOAT_DIGITS = 15
# Lo que la gente escribe cuando no hay valor.
MISSING = re.compile(
    r"\\n|n[./ ]?[acds]\.?|s[./]?[cd]\.?|#?n/a|nan|null|nulo|none|nil|na[nt]|missing|unknown|\W+|x{2,}"
    r"|(sin|no) (datos?|valor|consta|disponible|aplica|procede)|desconocid[oa]|vac[ií]o|secreto",
    re.IGNORECASE,
)
TOO_LONG = f"hay números de más de {formats.DECIMAL_DIGITS} cifras; declare el tipo"


@dataclass(frozen=True)
class Plan:
    """Lo decidido para una columna: tipo, forma en que está escrita y, si hay duda, cuál."""

    name: str
    type: pa.DataType
    format: Format | None = None
    doubt: str | None = None


def warnings_of(plans: list[Plan]) -> list[str]:
    """Los avisos de todas las columnas; si son muchas con la misma duda, uno solo."""
    doubtful: dict[str, list[str]] = {}
    for plan in plans:
        if plan.doubt:
            doubtful.setdefault(plan.doubt, []).append(f"«{plan.name}»")
    told = []
    for doubt, names in doubtful.items():
        many = len(names) > NAMED
        told += [f"Columnas {some(names)}: {doubt}"] if many else [f"Columna {name}: {doubt}" for name in names]
    return told


def decide(columns: list[Evidence], delimiter: str, as_text: Mapping[str, str] = MappingProxyType({})) -> list[Plan]:
    """El tipo de cada columna. Se miran juntas: un archivo no escribe los decimales de dos maneras.

    Las de `as_text` quedan en texto, por el motivo que ahí se dice.
    """
    # Los decimales que una columna demuestra por sí sola.
    sure = [column.alive for column in columns if column.clear and formats.INTEGER not in column.alive]
    shown = [[option.dialect.decimal for option in formats.DECIMALS if option in alive] for alive in sure]
    styles = {options[0] for options in shown if options}
    return [
        _text(column.name, as_text[column.name]) if column.name in as_text else _decide_one(column, styles, delimiter)
        for column in columns
    ]


def _decide_one(column: Evidence, styles: set[str], delimiter: str) -> Plan:
    if column.count == 0:
        return Plan(column.name, pa.string())
    if formats.BOOLEAN in column.alive and (column.words <= SAYS_YES or column.words <= SAYS_NO):
        said = f"solo dice «{min(column.words)}», que puede ser un código"
        return _text(column.name, f"{said}; declárela como bool si no lo es")
    if not column.alive:
        return Plan(column.name, pa.string(), doubt=column.near and _near_miss(*column.near))
    first = column.alive[0]  # van de la más estrecha a la más ancha
    if first in formats.DECIMALS:
        decimals = [option for option in column.alive if option in formats.DECIMALS]
        return _decide_decimal(column, decimals, styles, delimiter)
    if first is formats.SCIENTIFIC:
        return _decide_scientific(column)
    if first in formats.ORDERED:
        return _decide_date(column, column.alive)
    return Plan(column.name, first.type, first)


def _decide_decimal(column: Evidence, options: list[Format], styles: set[str], delimiter: str) -> Plan:
    name = column.name
    if column.digits > formats.DECIMAL_DIGITS:
        return _text(name, TOO_LONG)
    if not column.clear and not column.grouped:
        # Si las demás columnas escriben los decimales con un signo, el otro es el de los millares.
        thousands = [option for option in options if styles == {option.dialect.decimal} and option.dialect.thousands]
        if thousands and column.digits <= formats.INTEGER_DIGITS - 3:
            told = f"«{thousands[0].dialect.thousands}» se toma como signo de millar, por los decimales del archivo."
            return Plan(name, pa.int64(), thousands[0], told)
        return _text(name, "los valores como «1.234» pueden ser miles o decimales; declare decimal y thousands")
    option = options[0]
    unsure_comma = option is formats.COMMA and not column.grouped
    if unsure_comma and "." in styles:
        return _text(name, "«2,8» en un archivo de decimales con punto parece una lista; declare decimal")
    if unsure_comma and delimiter == ",":
        return _text(name, "valores como «2,8» pueden ser un decimal o una lista; declare decimal")
    scale = column.comma_scale if option.dialect.decimal == "," else column.point_scale
    if scale + column.digits > formats.DECIMAL_DIGITS:
        return _text(name, TOO_LONG)
    twins = next((texts for texts in column.numbers.values() if len(texts) > 1), None)
    same = "«{}» y «{}» son el mismo número".format(*twins) if twins else None
    if same and not column.repeated and len(column.numbers) <= MOST_TEXTS and not column.grouped:
        return _text(name, f"{same} y ningún texto se repite: parecen versiones o códigos; declárela si no lo son")
    return Plan(name, pa.decimal128(formats.DECIMAL_DIGITS, scale), option, same and f"{same}: se guarda uno solo.")


def _decide_scientific(column: Evidence) -> Plan:
    """Exacto si cabe; si no, de coma flotante, mientras en ella no cambie ningún valor."""
    whole, scale, digits = column.exponents or (0, 0, 0)
    if not column.sure:
        return _text(column.name, "«1e5» puede ser un número o un código; declare el tipo")
    if max(whole, 0) + scale <= formats.DECIMAL_DIGITS:
        return Plan(column.name, pa.decimal128(formats.DECIMAL_DIGITS, scale), formats.SCIENTIFIC)
    if digits <= FLOAT_DIGITS:
        return Plan(column.name, pa.float64(), formats.SCIENTIFIC)
    return _text(column.name, TOO_LONG)


def _decide_date(column: Evidence, options: list[Format]) -> Plan:
    chosen, *others = options
    short = "%y" in chosen.name
    if not others:
        return Plan(column.name, chosen.type, chosen, SHORT_YEARS if short else None)
    why = "fechas como «03/04/2024» pueden ser de marzo o de abril"
    if short:
        why = "con dos cifras en el año no se sabe qué parte es el día, el mes o el año"
    return _text(column.name, f"{why}; declare date_format")


def _text(name: str, why: str) -> Plan:
    return Plan(name, pa.string(), doubt=f"queda en texto, porque {why}.")


def _near_miss(option: Format, value: str, line: int) -> str:
    missing = "; si significa «sin valor», declárelo en nulls" if MISSING.fullmatch(value) else ""
    return f"queda en texto por «{value[:40]}» (línea {line}), que no es {spelled(option.name)}{missing}."
