"""Qué tipo tiene cada columna de un archivo sin declarar, según todos sus valores.

`Evidence` mira pasar los trozos de texto y recuerda qué formas siguen siendo posibles; `decide`
elige el tipo, o texto con una advertencia si los valores admiten dos lecturas. `convert`
aplica lo decidido a un trozo. Puro: ni archivos ni base de datos. Lo usa `one_table.py`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import Chunk, Reject
from etl.transform.parse import FIRST_DAY, parse
from etl.undeclared import formats
from etl.undeclared.formats import Format

# Con tres cifras tras el único signo, «1.234» puede ser mil doscientos o uno y pico.
MAYBE_THOUSANDS = r"^-?[1-9][0-9]{0,2}[.,][0-9]{3}$"
# Proporción de valores que encajan a partir de la cual se cuenta por qué la columna no es de ese tipo.
NEARLY = 0.75
FIRST_LOOK, GLANCE = 1000, 8
# Fechas imposibles («31/02/2024») que se apartan; con más, es que la columna no es de fechas.
IMPOSSIBLE, IMPOSSIBLE_SHARE = 3, 0.01
TOO_LONG = f"hay números de más de {formats.DECIMAL_DIGITS} cifras; declare el tipo"
NO_DATES = "muchas de sus fechas no existen; declare date_format"

ZERO, MINUS, POINT = b"0-."


class Misfit(Exception):
    """Una fila posterior no encaja en lo decidido: hay que mirar todas y volver a decidir.

    `reason`: por qué la columna debe quedar en texto aunque todas sus filas parezcan de otro tipo.
    """

    def __init__(self, column: str, reason: str | None = None) -> None:
        super().__init__(column)
        self.column = column
        self.reason = reason


@dataclass(frozen=True)
class Plan:
    """Lo decidido para una columna: tipo, forma en que está escrita y qué avisar."""

    name: str
    type: pa.DataType
    format: Format | None = None
    warning: str | None = None
    jsonb: bool = False


def possible_formats(nested: bool, native: bool = False) -> list[Format]:
    """Todas las formas; los objetos JSON y los días sin hora, solo si el formato del archivo los tiene."""
    return [
        *formats.ALL,
        *([formats.NATIVE_MOMENT] if native else []),
        *([formats.NESTED] if nested else []),
    ]


@dataclass
class Evidence:
    """Lo visto de una columna: qué formas cumplen todos sus valores hasta ahora."""

    name: str
    alive: list[Format] = field(default_factory=lambda: possible_formats(nested=False))
    count: int = 0
    clear: bool = False  # algún decimal no puede ser un millar
    grouped: bool = False  # algún «1.234,56»: los dos signos a la vez
    point_scale: int = 0
    comma_scale: int = 0
    digits: int = 0
    first_part: int = 0  # el mayor de los días o meses de delante
    second_part: int = 0
    near: tuple[Format, str, int] | None = None

    def observe(self, text: pa.ChunkedArray, lines: pa.Array) -> None:
        """Descarta las formas que algún valor de este trozo no cumple."""
        if not self.count:
            self._glance(text)
        if not self.count and len(text) > FIRST_LOOK:
            # Unas pocas filas descartan casi todo: las demás se miran contra lo que queda.
            self.observe(text[:FIRST_LOOK], lines[:FIRST_LOOK])
            text, lines = text[FIRST_LOOK:], lines[FIRST_LOOK:]
        valid = pc.is_valid(text)
        values, where = text.filter(valid), pa.chunked_array([lines]).filter(valid)
        if not len(values):
            return
        whole = False
        for option in list(self.alive):
            if option in (formats.LONG_INTEGER, formats.POINT, formats.COMMA) and whole:
                continue  # todo entero lo es también: no hace falta mirarlo
            fits = pc.match_substring_regex(values, option.regex)
            if pc.all(fits).as_py() is False:
                self.alive.remove(option)
                self._remember_miss(option, fits, values, where)
            elif option is formats.INTEGER:
                whole = True
        self.count += len(values)
        self._measure(values)

    def _glance(self, text: pa.ChunkedArray) -> None:
        """Descarta lo que no es ni uno de los primeros valores: con mil columnas, mirarlo todo es caro."""
        first = set(text.drop_null()[:GLANCE].to_pylist())
        if first:
            self.alive = [option for option in self.alive if any(map(option.pattern.match, first))]

    def _remember_miss(
        self, option: Format, fits: pa.ChunkedArray, values: pa.ChunkedArray, where: pa.ChunkedArray
    ) -> None:
        """Guarda el primer valor que impidió un tipo que casi toda la columna cumplía."""
        count = pc.sum(fits).as_py() or 0
        if self.near is None and count and self.count + count >= NEARLY * (self.count + len(values)):
            first = pc.index(fits, False).as_py()
            self.near = option, values[first].as_py(), where[first].as_py()

    def _measure(self, values: pa.ChunkedArray) -> None:
        if formats.INTEGER in self.alive or formats.LONG_INTEGER in self.alive:
            # Ni puntos ni comas: solo cuenta lo largos que son.
            self.digits = max(self.digits, _longest(pc.utf8_ltrim(values, "-")))
        elif decimals := [option for option in formats.DECIMALS if option in self.alive]:
            self._measure_decimals(values, decimals)
        if any(option in formats.DAY_FIRST for option in self.alive):
            parts = pc.extract_regex(values, r"^(?P<a>[0-9]{1,2})[/.-](?P<b>[0-9]{1,2})[/.-]")
            highest = [pc.max(pc.struct_field(parts, part).cast(pa.int32())).as_py() or 0 for part in "ab"]
            self.first_part = max(self.first_part, highest[0])
            self.second_part = max(self.second_part, highest[1])

    def _measure_decimals(self, values: pa.ChunkedArray, decimals: list[Format]) -> None:
        has_mark = pc.match_substring_regex(values, "[.,]")
        marked, plain = values.filter(has_mark), values.filter(pc.invert(has_mark))
        self.clear = self.clear or (len(marked) > 0 and not _all(marked, MAYBE_THOUSANDS))
        if decimals != [formats.POINT]:
            self.grouped = self.grouped or _any(marked, r"\..*,|,.*\.|\..*\.|,.*,")
        signs = {option.dialect.decimal for option in decimals}
        if "." in signs:
            self.point_scale = max(self.point_scale, digits_after(".", marked))
        if "," in signs:
            self.comma_scale = max(self.comma_scale, digits_after(",", marked))
        whole = pc.replace_substring_regex(marked, r"[.,][0-9]*$|^-", "")
        self.digits = max(self.digits, _longest(whole), _longest(pc.utf8_ltrim(plain, "-")))


def _longest(values: pa.ChunkedArray) -> int:
    return pc.max(pc.binary_length(values)).as_py() or 0


def digits_after(sign: str, values: pa.ChunkedArray) -> int:
    """Cuántas cifras hay, como mucho, tras el último `sign`; ninguna en los valores que no lo llevan."""
    at = pc.find_substring(pc.utf8_reverse(values), sign)
    return max(0, pc.max(at).as_py() or 0)


def _all(values: pa.ChunkedArray, regex: str) -> bool:
    return pc.all(pc.match_substring_regex(values, regex)).as_py() is not False


def _any(values: pa.ChunkedArray, regex: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, regex)).as_py())


def decide(
    columns: list[Evidence], delimiter: str, as_text: Mapping[str, str] = MappingProxyType({})
) -> list[Plan]:
    """El tipo de cada columna. Se miran juntas: un archivo no escribe los decimales de dos maneras.

    Las de `as_text` quedan en texto, por el motivo que ahí se dice.
    """
    points = any(_decimal_style(column) is formats.POINT for column in columns)
    return [
        _text(column.name, as_text[column.name])
        if column.name in as_text
        else _decide_one(column, points, delimiter)
        for column in columns
    ]


def _decimal_style(column: Evidence) -> Format | None:
    """El estilo de decimales que la columna demuestra por sí sola."""
    for option in formats.DECIMALS:
        if option in column.alive and column.clear and formats.INTEGER not in column.alive:
            return option
    return None


def _decide_one(column: Evidence, points: bool, delimiter: str) -> Plan:
    if column.count == 0:
        return Plan(column.name, pa.string())
    for option in (formats.BOOLEAN, formats.INTEGER, formats.LONG_INTEGER):
        if option in column.alive:
            return Plan(column.name, option.type, option)
    if formats.NESTED in column.alive:
        return Plan(column.name, pa.string(), formats.NESTED, jsonb=True)
    decimals = [option for option in formats.DECIMALS if option in column.alive]
    if decimals:
        return _decide_decimal(column, decimals, points, delimiter)
    for option in (formats.ISO_DATE, formats.ISO_MOMENT, formats.NATIVE_MOMENT, *formats.SLASHED):
        if option in column.alive:
            return Plan(column.name, option.type, option)
    for option in formats.DAY_FIRST:
        if option in column.alive:
            return _decide_date(column, option)
    return Plan(column.name, pa.string(), warning=_near_warning(column))


def _decide_decimal(column: Evidence, options: list[Format], points: bool, delimiter: str) -> Plan:
    name = column.name
    if column.digits > formats.DECIMAL_DIGITS:
        return _text(name, TOO_LONG)
    if not column.clear and not column.grouped:
        return _text(
            name, "los valores como «1.234» pueden ser miles o decimales; declare decimal y thousands"
        )
    option = options[0]
    unsure_comma = option is formats.COMMA and not column.grouped
    if unsure_comma and points:
        return _text(name, "«2,8» en un archivo de decimales con punto parece una lista; declare decimal")
    if unsure_comma and delimiter == ",":
        return _text(name, "valores como «2,8» pueden ser un decimal o una lista; declare decimal")
    scale = column.comma_scale if option.dialect.decimal == "," else column.point_scale
    if scale + column.digits > formats.DECIMAL_DIGITS:
        return _text(name, TOO_LONG)
    return Plan(name, pa.decimal128(formats.DECIMAL_DIGITS, scale), option)


def _decide_date(column: Evidence, option: Format) -> Plan:
    first, second = column.first_part, column.second_part
    if first <= 12 and second <= 12:
        return _text(
            column.name, "fechas como «03/04/2024» pueden ser de marzo o de abril; declare date_format"
        )
    if (first > 12 and second > 12) or max(first, second) > 31:
        return _text(column.name, "las fechas no siguen un solo orden de día y mes; declare date_format")
    chosen = option if first > 12 else formats.month_first(option)
    warning = None
    if "%y" in chosen.name:
        warning = (
            f"Columna «{column.name}»: años de dos cifras; de 69 a 99 se toman como 1969 a 1999 "
            "y de 00 a 68 como 2000 a 2068. Declare la columna si no es así."
        )
    return Plan(column.name, chosen.type, chosen, warning)


def _text(name: str, why: str) -> Plan:
    return Plan(name, pa.string(), warning=f"Columna «{name}»: queda en texto, porque {why}.")


def _near_warning(column: Evidence) -> str | None:
    if column.near is None:
        return None
    option, value, line = column.near
    return (
        f"Columna «{column.name}»: queda en texto por «{value[:40]}» (línea {line}), que no es "
        f"{option.name.replace('%', '')}; si significa «sin valor», declárelo en nulls."
    )


def convert(chunk: Chunk, plans: list[Plan]) -> tuple[pa.Table, list[Reject]]:
    """Las filas de un trozo con los tipos decididos, y las que se apartan por una fecha imposible.

    Lanza `Misfit` si un valor no tiene la forma de su columna: nada se pierde ni se cambia.
    """
    typed: dict[str, pa.ChunkedArray] = {}
    impossible: dict[int, Plan] = {}
    for plan in plans:
        text = chunk.columns[plan.name]
        typed[plan.name] = values = _exact(text, plan)
        if values.null_count > text.null_count:
            unread = pc.and_(pc.is_null(values), pc.is_valid(text))
            impossible |= {int(row): plan for row in np.flatnonzero(unread.to_numpy())}
    rows = pa.table({**typed, "_line": chunk.lines})
    good = np.ones(rows.num_rows, dtype=bool)
    good[list(impossible)] = False
    rejects = [_impossible(chunk, row, plan) for row, plan in impossible.items()]
    return (rows.filter(pa.array(good)) if impossible else rows), rejects


@dataclass
class ImpossibleDates:
    """Lleva la cuenta de las fechas imposibles: unas pocas se apartan, muchas es que no son fechas."""

    rows: int = 0
    found: Counter[str] = field(default_factory=Counter)

    def count(self, rejects: list[Reject], rows: int) -> None:
        """Suma las de un trozo de `rows` filas. Lanza `Misfit` si en una columna son demasiadas."""
        self.rows += rows
        self.found.update(str(reject.column) for reject in rejects)
        for column, count in self.found.items():
            if count > max(IMPOSSIBLE, IMPOSSIBLE_SHARE * self.rows):
                raise Misfit(column, NO_DATES)


def _impossible(chunk: Chunk, row: int, plan: Plan) -> Reject:
    value = chunk.columns[plan.name][row].as_py()
    message = f"columna «{plan.name}»: se leyó «{value}» y se esperaba una fecha que exista"
    return Reject(chunk.lines[row].as_py(), chunk.raw(row), plan.name, value, "type", message)


def _exact(text: pa.ChunkedArray, plan: Plan) -> pa.ChunkedArray:
    """La columna con su tipo; `Misfit` si algún texto no es exactamente un valor de ese tipo."""
    if plan.format is None:
        return text
    if plan.format in (formats.INTEGER, formats.LONG_INTEGER, formats.POINT):
        # El camino rápido: Arrow ya rechaza casi todo lo que no es un número; el resto se mira aparte.
        try:
            values = text.cast(plan.type)
        except pa.ArrowInvalid as error:
            raise Misfit(plan.name) from error
        if _looks_like_code(text):
            raise Misfit(plan.name)
        return values
    if plan.format is formats.ISO_DATE and (days := _days(text)) is not None:
        return days
    if not _all(text, plan.format.regex):
        raise Misfit(plan.name)
    if plan.format is formats.NESTED:
        return text
    values = parse(text, plan.type, plan.format.dialect)
    if values.null_count > text.null_count and not pa.types.is_temporal(plan.type):
        raise Misfit(plan.name)
    return values


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
    return any(_has_code(piece) for piece in text.chunks if len(piece) > piece.null_count)


def _has_code(piece: pa.StringArray) -> bool:
    _, offsets, data = piece.buffers()
    if data is None:
        return False
    edges = np.frombuffer(offsets, np.int32)[piece.offset : piece.offset + len(piece) + 1]
    if bytes(data[edges[0] : edges[-1]]).translate(None, b"0123456789.-"):
        return True
    # Tres bytes más, para poder mirar el segundo y el tercero también de un último valor vacío.
    text = np.concatenate([np.frombuffer(data, np.uint8)[: edges[-1]], np.zeros(3, np.uint8)])
    start, size = edges[:-1], np.diff(edges)
    first, second, third = text[start], text[start + 1], text[start + 2]
    zero = (first == ZERO) & (size > 1) & (second != POINT)
    minus_zero = (first == MINUS) & (second == ZERO) & (size > 2) & (third != POINT)
    return bool((zero | minus_zero | ((text[edges[1:] - 1] == POINT) & (size > 0))).any())
