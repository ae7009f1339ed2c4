"""JSON sin declarar: un objeto por línea, o una lista de objetos, con todas las claves del archivo.

Se recorre dos veces: la primera reúne las claves (la última fila puede traer una que nadie más tiene).
El segundo recorrido es el de `jsonl.py`. Una lista, o unos objetos escritos en varias líneas, se pasan
antes a un objeto por línea.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from etl.errors import FileRefused
from etl.extract.jsonl import JsonLinesFile, decode, open_json_lines
from etl.extract.read import JSON_LINES, SAMPLE
from etl.extract.source import (
    ByteStream,
    Opened,
    Rewound,
    Source,
    decompressed,
    marked_encoding,
    opened,
    read_fully,
)
from extras.formats.look import look_at_encoding

JSON = JSON_LINES
# Una lista hay que leerla entera para partirla; un objeto por línea no tiene límite.
LIST_LIMIT = 256 << 20
_SPACE = re.compile(r"[ \t\r\n,]*")


@contextmanager
def open_json(source: Source, file: Opened) -> Iterator[tuple[JsonLinesFile, str]]:
    """El documento, con la cabecera completa, y su codificación."""
    with opened(source) as again, decompressed(source, again) as stream:
        keys = _all_keys(stream)
    with decompressed(source, file) as stream:
        lines, encoding = _as_lines(stream)
        document = open_json_lines(lines, encoding)
        document.header = list(keys)
        document.nested = [key for key, nested in keys.items() if nested]
        yield document, encoding


def _all_keys(stream: ByteStream) -> dict[str, bool]:
    """Todas las claves, y si los valores de cada una son todos objetos o listas."""
    lines, encoding = _as_lines(stream)
    document = open_json_lines(lines, encoding)
    keys: dict[str, bool | None] = {}  # nada, mientras no tenga valores
    for _, raw in chain(document.first, document.lines):
        for key, value in (decode(raw) or {}).items():
            nested = isinstance(value, dict | list) and keys.get(key) is not False
            keys[key] = keys.get(key) if value is None else nested
    if not keys:
        raise FileRefused(
            "No hay ni un objeto JSON.", "Se espera un objeto por línea, o una lista de objetos."
        )
    return {key: bool(nested) for key, nested in keys.items()}


def _as_lines(stream: ByteStream) -> tuple[ByteStream, str]:
    """Los bytes, con un objeto por línea, y su codificación."""
    sample = read_fully(stream, SAMPLE)
    if not sample.strip():
        raise FileRefused("El archivo está vacío.", "Expórtelo de nuevo.")
    encoding = look_at_encoding(sample, marked_encoding(sample, "auto"))[0]
    start = sample.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    if not start.startswith("[") and not _is_spread(start):
        return Rewound(sample, stream), encoding
    whole = sample + read_fully(stream, LIST_LIMIT)
    try:
        if len(whole) > LIST_LIMIT:
            raise FileRefused("El JSON ocupa más de 256 MB.", "Guárdelo con un objeto por línea (.jsonl).")
        text = whole.decode(encoding, "surrogateescape").lstrip("\ufeff \t\r\n")
        return io.BytesIO(_one_per_line(text)), "utf-8"
    except FileRefused:
        if start.startswith("["):
            raise
        # No eran objetos en varias líneas: que se aparte cada línea que no sea uno.
        return Rewound(whole, stream), encoding


def _is_spread(start: str) -> bool:
    """Si el primer objeto ocupa varias líneas, como lo escribe quien quiere que se lea."""
    first, _, rest = start.partition("\n")
    return first.startswith("{") and bool(rest.strip()) and decode(first.encode("utf-8", "replace")) is None


def _one_per_line(text: str) -> bytes:
    return "\n".join(_members(text)).encode("utf-8", "surrogateescape")


def _members(text: str) -> Iterator[str]:
    """El texto de cada elemento de una lista, o de cada objeto suelto, en una línea."""
    decoder = json.JSONDecoder()
    position = 1 if text.startswith("[") else 0
    while True:
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position >= len(text) or text[position] == "]":
            return
        try:
            _, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise FileRefused(f"El JSON está mal escrito: {error}.", "Genérelo de nuevo.") from error
        yield re.sub(r"[\r\n]+", " ", text[position:end])
        position = end
