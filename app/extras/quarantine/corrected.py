"""Reconoce y lee un CSV que salió de la cuarentena (`etl rejects --csv`); también si lo guardó una hoja de cálculo.

Sale cada fila con sus celdas por columna, sin los apóstrofos que se le pusieron. Qué se hace con ellas: `correction.py`.
"""

import csv
import io
import zlib

from etl.errors import FileRefused
from etl.extract.read import CORRECTED
from etl.reader import many, program
from extras.quarantine.formula import original

# Las columnas que explican cada fila. La carga y la línea dicen cuál es.
# `_sello` es la huella de `_fila`: dice si se editó, aunque la fila ya no esté como entonces.
FILE, LOAD, LINE, SEAL, REASON, RAW = EXPLAINED = ("_archivo", "_carga", "_linea", "_sello", "_motivo", "_fila")

Row = dict[str, str]


def seal(raw: str) -> str:
    """La huella de una fila. Empieza por una letra: «12e45678», una hoja de cálculo lo tomaría por un número."""
    return f"s{zlib.crc32(one_line_end(raw).encode()):08x}"


def one_line_end(text: str) -> str:
    """Una hoja de cálculo cambia los fines de línea que hay dentro de una celda."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def read_corrected(content: bytes) -> list[Row]:
    """Las filas, por el nombre de su columna. Lanza `FileRefused` si falta alguna columna de las nuestras."""
    found = CORRECTED.search(content)
    if found is None:
        raise FileRefused("Es una cuarentena corregida, y no es un CSV.", "Guárdela como CSV.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:  # así guarda un CSV un Excel en español
        text = content.decode("cp1252", "replace")
    delimiter = found["delimiter"].decode()
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise FileRefused(f"No se entiende el CSV corregido: {error}.", "Guárdelo otra vez como CSV.") from error
    missing = [name for name in EXPLAINED if name not in header]
    if missing:
        raise FileRefused(
            f"Es una cuarentena corregida y le faltan columnas: {', '.join(missing)}.",
            f"Sáquela otra vez con «{program()} rejects TABLA --csv ARCHIVO».",
        )
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise FileRefused(
                f"Fila {number}: tiene {many(len(row), 'celda')} y la cabecera {len(header)}.",
                "Revise en ella las comillas y los separadores.",
            )
    return [{name: original(cell) for name, cell in zip(header, row, strict=True)} for row in rows]
