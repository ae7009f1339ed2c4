"""Lo que se ve de una columna de texto según pasan sus trozos: qué formas siguen siendo posibles.

Entran textos y sale `Evidence`; qué tipo se deduce de ella lo decide `infer.py`. Puro: ni archivos ni
base de datos.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import EMPTY, Chunk
from extras.undeclared import formats
from extras.undeclared.formats import Format

# Con tres cifras tras el único signo, «1.234» puede ser mil doscientos o uno y pico.
MAYBE_THOUSANDS = r"^-?[1-9][0-9]{0,2}[.,][0-9]{3}$"
# Proporción de valores que encajan a partir de la cual se cuenta por qué la columna no es de ese tipo.
NEARLY = 0.5
GLANCE = 8
# Los números que también pueden ser enteros.
ALSO_INTEGERS = (formats.LONG_INTEGER, formats.POINT, formats.COMMA, formats.SCIENTIFIC)
# Textos distintos que se recuerdan de una columna de decimales.
MOST_TEXTS = 20_000


@dataclass
class Evidence:
    """Lo visto de una columna: qué formas cumplen todos sus valores hasta ahora."""

    name: str
    alive: list[Format] = field(default_factory=lambda: list(formats.ALL))
    count: int = 0
    clear: bool = False  # algún decimal no puede ser un millar
    grouped: bool = False  # algún «1.234,56»: los dos signos a la vez
    point_scale: int = 0
    comma_scale: int = 0
    digits: int = 0
    words: set[str] = field(default_factory=set)  # los distintos, si son de sí o no
    numbers: dict[str, list[str]] = field(default_factory=dict)  # cada número con decimales, y cómo se escribe
    repeated: bool = False  # alguno se escribe dos veces igual
    # De los que llevan exponente: cifras enteras, decimales y significativas, y si alguno es sin duda un número.
    exponents: tuple[int, int, int] | None = None
    sure: bool = False
    near: tuple[Format, str, int] | None = None
    nearness: int = 0

    @property
    def unsettled(self) -> bool:
        """Aún puede verse que sus decimales son códigos: ninguno se escribe dos veces igual."""
        return 0 < len(self.numbers) <= MOST_TEXTS and not self.repeated

    def observe(self, text: pa.ChunkedArray, lines: pa.Array) -> None:
        """Descarta las formas que algún valor de este trozo no cumple."""
        if not self.count:
            self._glance(text)
        # El relleno de espacios no es parte de un número. Un vacío entre comillas no dice nada de los demás:
        # quien lo entrecomilla todo escribe así lo que falta.
        text = pc.utf8_trim_whitespace(text)
        written = pc.not_equal(text, EMPTY)
        values, where = text.filter(written), pa.chunked_array([lines]).filter(written)
        if not len(values):
            return
        for option in list(self.alive):  # los enteros, antes que los demás números
            if option in ALSO_INTEGERS and formats.INTEGER in self.alive:
                continue  # todo entero lo es también: no hace falta mirarlo
            fits = pc.match_substring_regex(values, option.regex)
            if pc.all(fits).as_py() is False:
                self.alive.remove(option)
                self._remember_miss(option, fits, values, where)
        self.count += len(values)
        self._measure(values)

    def _glance(self, text: pa.ChunkedArray) -> None:
        """Descarta lo que no es ni uno de los primeros valores: con mil columnas, mirarlo todo es caro."""
        first = {value for value in map(str.strip, text.drop_null()[:GLANCE].to_pylist()) if value}
        if first:
            self.alive = [option for option in self.alive if any(map(re.compile(option.regex).match, first))]

    def _remember_miss(
        self, option: Format, fits: pa.ChunkedArray, values: pa.ChunkedArray, where: pa.ChunkedArray
    ) -> None:
        """Guarda el primer valor que impidió un tipo que casi toda la columna cumplía: el que más valores tenía."""
        count = pc.sum(fits).as_py() or 0
        nearly = count and self.count + count >= NEARLY * (self.count + len(values))
        if nearly and self.count + count > self.nearness:
            first = pc.index(fits, False).as_py()
            self.near, self.nearness = ((option, values[first].as_py(), where[first].as_py()), self.count + count)

    def _measure(self, values: pa.ChunkedArray) -> None:
        if formats.BOOLEAN in self.alive:
            self.words.update(pc.unique(pc.utf8_lower(values)).to_pylist())
        if formats.INTEGER in self.alive or formats.LONG_INTEGER in self.alive:
            # Ni puntos ni comas: solo cuenta lo largos que son.
            self.digits = max(self.digits, _longest(pc.utf8_ltrim(values, "-")))
        elif decimals := [option for option in formats.DECIMALS if option in self.alive]:
            self._measure_decimals(values, decimals)
        elif formats.SCIENTIFIC in self.alive:
            self._measure_exponents(values)

    def _measure_exponents(self, values: pa.ChunkedArray) -> None:
        whole, scale, digits = self.exponents or (0, 0, 0)
        for value in map(Decimal, pc.unique(values).to_pylist()):
            whole, scale = max(whole, value.adjusted() + 1), max(scale, -int(value.as_tuple().exponent))
        self.exponents = whole, scale, max(digits, significant(values))
        self.sure = self.sure or any_match(values, r"\.|[eE][+-]")

    def _find_twins(self, marked: pa.ChunkedArray, sign: str) -> None:
        """Si dos textos distintos son el mismo número («3.1» y «3.10»), y si algún texto se repite."""
        if len(self.numbers) > MOST_TEXTS:
            return
        distinct = marked.unique()
        self.repeated = self.repeated or len(distinct) < len(marked)
        for text in distinct.to_pylist():
            texts = self.numbers.setdefault(text.rstrip("0").removesuffix(sign), [])
            if text in texts:
                self.repeated = True
            else:
                texts.append(text)

    def _measure_decimals(self, values: pa.ChunkedArray, decimals: list[Format]) -> None:
        has_mark = pc.match_substring_regex(values, "[.,]")
        marked, plain = values.filter(has_mark), values.filter(pc.invert(has_mark))
        self.clear = self.clear or (len(marked) > 0 and not all_match(marked, MAYBE_THOUSANDS))
        if decimals != [formats.POINT]:
            self.grouped = self.grouped or any_match(marked, r"\..*,|,.*\.|\..*\.|,.*,")
        signs = {option.dialect.decimal for option in decimals}
        self._find_twins(marked, min(signs))
        if "." in signs:
            self.point_scale = max(self.point_scale, digits_after(".", marked))
        if "," in signs:
            self.comma_scale = max(self.comma_scale, digits_after(",", marked))
        whole = pc.replace_substring_regex(marked, r"[.,][0-9]*$|^-", "")
        self.digits = max(self.digits, _longest(whole), _longest(pc.utf8_ltrim(plain, "-")))


def new_evidence(names: list[str], kinds: Mapping[int, str], native: bool) -> list[Evidence]:
    """Una hoja en blanco por columna, con las formas de su clase; sin saberla, todas.

    `native`: sus números y fechas ya lo eran en el archivo, también los días sin hora.
    """
    unknown = (*formats.ALL, formats.NATIVE_MOMENT) if native else formats.ALL
    possible = [formats.KINDS[kinds[at]] if at in kinds else unknown for at in range(len(names))]
    return [Evidence(name, [*alive], clear=native, sure=native) for name, alive in zip(names, possible, strict=True)]


def observe(evidence: list[Evidence], chunk: Chunk, rows: int | None = None) -> None:
    """Apunta lo que dicen las filas de un trozo; con `rows`, solo las primeras."""
    for column in evidence:
        column.observe(chunk.columns[column.name][:rows], chunk.lines[:rows])


def _longest(values: pa.ChunkedArray) -> int:
    return pc.max(pc.binary_length(values)).as_py() or 0


def significant(values: pa.ChunkedArray) -> int:
    """Cuántas cifras significativas, como mucho, tienen unos números que pueden llevar exponente."""
    return _longest(pc.utf8_trim(pc.replace_substring_regex(values, "[eE].*|[-.]", ""), "0"))


def digits_after(sign: str, values: pa.ChunkedArray) -> int:
    """Cuántas cifras hay, como mucho, tras el último `sign`; ninguna en los valores que no lo llevan."""
    return max(0, pc.max(pc.find_substring(pc.utf8_reverse(values), sign)).as_py() or 0)


def all_match(values: pa.ChunkedArray, regex: str) -> bool:
    return pc.all(pc.match_substring_regex(values, regex)).as_py() is not False


def any_match(values: pa.ChunkedArray, regex: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, regex)).as_py())
