"""JSON sin declarar: un objeto por línea, o una lista de objetos, con todas las claves del archivo.

Se recorre dos veces: la primera reúne las claves (la última fila puede traer una que nadie más tiene).
El segundo recorrido es el de `jsonl.py`. Lo que no lleva un objeto por línea se pasa antes a ello.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from etl.errors import FileRefused
from etl.extract.jsonl import NUMBER, JsonLinesFile, decode, open_json_lines
from etl.extract.read import JSON_LINES, SAMPLE
from etl.extract.source import ByteStream, Opened, Rewound, Source, decompressed, marked_encoding, opened, read_fully
from extras.formats.json_text import one_per_line
from extras.formats.look import look_at_encoding

JSON = JSON_LINES


@contextmanager
def open_json(source: Source, file: Opened) -> Iterator[tuple[JsonLinesFile, str]]:
    """El documento, con la cabecera completa, y su codificación."""
    with opened(source) as again, decompressed(source, again) as stream:
        keys = _all_keys(stream)
    with decompressed(source, file) as stream:
        lines, encoding = _as_lines(stream)
        document = open_json_lines(lines, encoding)
        document.header = list(keys)
        document.kinds = keys
        yield document, encoding


def _all_keys(stream: ByteStream) -> dict[str, str | None]:
    """Todas las claves, y la clase de sus valores si es la misma en todos."""
    lines, encoding = _as_lines(stream)
    document = open_json_lines(lines, encoding)
    keys: dict[str, set[str]] = {}
    for _, raw in chain(document.first, document.lines):
        for key, value in (decode(raw) or {}).items():
            keys.setdefault(key, set()).update([] if value is None else [_kind(value)])
    if not keys:
        raise FileRefused("No hay ni un objeto JSON.", "Se espera un objeto por línea, o una lista de objetos.")
    return {key: next(iter(kinds)) if len(kinds) == 1 else None for key, kinds in keys.items()}


def _kind(value: object) -> str:
    if isinstance(value, dict | list):
        return "nested"
    if isinstance(value, bool):
        return "bool"
    return "number" if str(value).startswith(NUMBER) else "text"


def _as_lines(stream: ByteStream) -> tuple[ByteStream, str]:
    """Los bytes, con un objeto por línea, y su codificación."""
    sample = read_fully(stream, SAMPLE)
    if not sample.strip():
        raise FileRefused("El archivo está vacío.", "Expórtelo de nuevo.")
    encoding = look_at_encoding(sample, marked_encoding(sample, "auto"))[0]
    return one_per_line(sample, Rewound(sample, stream), encoding)
