"""Cómo está escrito un archivo: separador, comillas, decimales, fechas, codificación.

Lo declara cada data set (`declared/`) o lo averigua `undeclared/detection/`; lo leen
`extract/` (la forma del archivo) y `transform/` (la forma de los valores).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """La escritura de un archivo de texto; los valores por omisión son los de un CSV en UTF-8.

    `decimal` y `thousands` son el signo decimal y el de millares («1.234,56» es `","` y `"."`).
    `date_format` usa los códigos de `strftime` y solo `%d %m %Y %y %H %M %S`.
    `nulls` son los textos sin comillas que significan «sin valor»; nada más lo significa.
    `encoding` admite `"auto"`: se averigua con el archivo delante.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    encoding: str = "utf-8"
    header: bool = True
    preamble_rows: int = 0
    decimal: str = "."
    thousands: str | None = None
    date_format: str = "%Y-%m-%d"
    nulls: tuple[str, ...] = ("",)
    true_words: tuple[str, ...] = ("true", "t", "1", "sí", "si", "s", "verdadero")
    false_words: tuple[str, ...] = ("false", "f", "0", "no", "n", "falso")


# Lo que escriben los formatos con tipos propios (JSON, Parquet, Excel): ISO y punto decimal.
ISO = Dialect()
