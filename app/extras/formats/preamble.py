"""Las líneas que alguien dejó encima de la cabecera de un archivo declarado: un título, una fecha.

Entra el principio del archivo y salen cuántas son. Solo las hay si más abajo está, entera, la
cabecera que se declaró: así no hay nada que adivinar.
"""

import csv
import re
from itertools import islice

from etl.dialect import Dialect
from etl.extract.delimited import SEP_LINE, csv_reader
from etl.extract.match import clean, plain_name
from etl.schema import Schema

# Más abajo no se busca: un título de treinta líneas no es un título.
LOOKED_AT = 30
# `str.splitlines` cortaría además por caracteres que aquí son texto.
LINE_END = re.compile(r"\r\n|\n|\r")


def lines_above_header(sample: bytes, dialect: Dialect, schema: Schema) -> int:
    """Cuántas líneas sobran encima de la cabecera, tras las declaradas; cero si no se encuentra.

    `sample`: el principio del archivo, en la codificación de `dialect`.
    """
    required = {column.name for column in schema.columns if not column.nullable}
    if not dialect.header or not required:
        return 0
    text = sample.decode(dialect.encoding, "replace").removeprefix("\ufeff")
    lines = LINE_END.split(text, dialect.preamble_rows + LOOKED_AT)[dialect.preamble_rows :]
    for above, line in enumerate(islice(lines, LOOKED_AT)):
        try:
            names = next(csv_reader([line], dialect), [])
        except csv.Error:
            continue
        if required <= {clean(name) for name in names} | {plain_name(name) for name in names}:
            return above if any(_says_something(title) for title in lines[:above]) else 0
    return 0


def _says_something(line: str) -> bool:
    """Ni una línea vacía ni el «sep=;» de Excel, que ya se pasan por alto sin avisar."""
    return bool(line.strip()) and not SEP_LINE.match(line.encode())


def preamble_warning(lines: int, declared: int) -> str:
    """El aviso de que se saltaron, y cómo declararlas para que no haga falta."""
    return (
        f"líneas encima de la cabecera, que se saltan: {lines}. Si las lleva siempre, declare "
        f"preamble_rows={declared + lines}"
    )
