"""JSON sin declarar: un objeto por línea, o una lista de objetos, con todas las claves del archivo.

Se recorre dos veces: la primera reúne las claves (la última fila puede traer una que nadie más tiene).
El segundo recorrido es el de `jsonl.py`. Una lista se pasa antes a un objeto por línea.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from etl.errors import FileRefused
from etl.extract.encoding import ByteStream, effective_encoding
from etl.extract.jsonl import JsonLinesFile, open_json_lines
from etl.extract.read import JSON_LINES, SAMPLE, Rewound, read_fully
from etl.extract.source import Opened, Source, decompressed, opened

JSON = JSON_LINES
# Una lista hay que leerla entera para partirla; un objeto por línea no tiene límite.
LIST_LIMIT = 256 << 20


@contextmanager
def open_json(source: Source, file: Opened) -> Iterator[tuple[JsonLinesFile, str]]:
    """El documento, con la cabecera completa, y su codificación."""
    with opened(source) as again, decompressed(source, again) as stream:
        keys = _all_keys(stream)
    with decompressed(source, file) as stream:
        lines, encoding = _as_lines(stream)
        document = open_json_lines(lines, encoding)
        document.header = keys
        yield document, encoding


def _all_keys(stream: ByteStream) -> list[str]:
    lines, encoding = _as_lines(stream)
    document = open_json_lines(lines, encoding)
    keys = dict.fromkeys(document.header)
    for _, raw in document.lines:
        row = _decoded(raw)
        keys.update(dict.fromkeys(row if isinstance(row, dict) else ()))
    if not keys:
        raise FileRefused(
            "No hay ni un objeto JSON.", "Se espera un objeto por línea, o una lista de objetos."
        )
    return list(keys)


def _decoded(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _as_lines(stream: ByteStream) -> tuple[ByteStream, str]:
    """Los bytes, con un objeto por línea, y su codificación."""
    sample = read_fully(stream, SAMPLE)
    if not sample.strip():
        raise FileRefused("El archivo está vacío.", "Expórtelo de nuevo.")
    encoding = effective_encoding(sample, "auto")
    if not sample.decode(encoding, "replace").lstrip("\ufeff \t\r\n").startswith("["):
        return Rewound(sample, stream), encoding
    whole = sample + read_fully(stream, LIST_LIMIT)
    if len(whole) > LIST_LIMIT:
        raise FileRefused("La lista JSON ocupa más de 256 MB.", "Guárdela con un objeto por línea (.jsonl).")
    return io.BytesIO(_one_per_line(whole.decode(encoding, "surrogateescape"))), "utf-8"


def _one_per_line(text: str) -> bytes:
    return "\n".join(_members(text)).encode("utf-8", "surrogateescape")


def _members(text: str) -> Iterator[str]:
    """El texto de cada elemento de una lista, en una línea."""
    decoder = json.JSONDecoder()
    position = text.index("[") + 1
    while True:
        while text[position : position + 1] in (" ", "\t", "\r", "\n", ","):
            position += 1
        if position >= len(text) or text[position] == "]":
            return
        try:
            _, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise FileRefused(f"La lista JSON está mal escrita: {error}.", "Genérela de nuevo.") from error
        yield re.sub(r"[\r\n]+", " ", text[position:end])
        position = end
