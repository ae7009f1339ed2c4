"""JSON que no lleva un objeto por línea: listas, objetos en varias líneas o pegados, GeoJSON.

Se pasan a un objeto por línea sin entender sus valores: cada uno queda como estaba escrito. Una lista hay que leerla
entera para partirla; un objeto por línea no tiene límite.
"""

import io
import json
import re
from collections.abc import Generator, Iterator
from typing import Any

from etl.errors import FileRefused
from etl.extract.jsonl import decode, text_of
from etl.extract.source import UNREADABLE, ByteStream, Rewound, read_fully

LIST_LIMIT = 256 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_FEATURES = re.compile(r'"features"\s*:\s*\[')


def one_per_line(sample: bytes, whole: ByteStream, encoding: str) -> tuple[ByteStream, str]:
    """Los mismos objetos, cada uno en su línea, y la codificación en que quedan. Lo que ya está así no se toca.

    Lanza `FileRefused` si es una lista cortada o mal escrita, o demasiado grande para partirla.
    """
    start = sample.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    first = start.partition("\n")[0]
    if not start.startswith("[") and decode(first.encode("utf-8", "replace")) is not None and not _is_geojson(start):
        return whole, encoding
    read = read_fully(whole, LIST_LIMIT + 1)
    try:
        if len(read) > LIST_LIMIT:
            raise FileRefused("El JSON ocupa más de 256 MB.", "Guárdelo con un objeto por línea (.jsonl).")
        text = read.decode(encoding, "surrogateescape" if encoding == "utf-8" else UNREADABLE).lstrip("\ufeff \t\r\n")
        return io.BytesIO("\n".join(_members(text)).encode("utf-8", "surrogateescape")), "utf-8"
    except FileRefused:
        if start.startswith("["):
            raise
        # No eran objetos en varias líneas: que se aparte cada línea que no sea uno.
        return Rewound(read, whole), encoding


def _is_geojson(start: str) -> bool:
    return bool(re.match(r'\{[^\n]{0,2000}"type"\s*:\s*"FeatureCollection"', start))


def _members(text: str) -> Iterator[str]:
    """El texto de cada objeto de unas listas, o suelto, en una línea; de un GeoJSON, el de cada elemento."""
    position = 0
    while (position := _after_space(text, position)) < len(text):
        if text[position] == "[":
            position = yield from _elements(text, position)
            continue
        value, end = _decoded(text, position)
        collection = isinstance(value, dict) and value.get("type") == "FeatureCollection"
        if collection and (features := _FEATURES.search(text, position, end)):
            yield from map(_feature, _elements(text, features.end() - 1))
        else:
            yield _in_one_line(text[position:end])
        position = end


def _elements(text: str, position: int) -> Generator[str, None, int]:
    """El texto de cada elemento de la lista que empieza en `position`; devuelve dónde acaba."""
    position = _after_space(text, position + 1)
    while position < len(text) and text[position] != "]":
        _, end = _decoded(text, position)
        yield _in_one_line(text[position:end])
        position = _after_space(text, end)
        if text[position : position + 1] == ",":
            position = _after_space(text, position + 1)
        elif text[position : position + 1] != "]":
            break
    if text[position : position + 1] != "]":
        raise FileRefused("El JSON está cortado o mal escrito: falta el final de la lista.", "Genérelo de nuevo.")
    return position + 1


def _feature(feature: str) -> str:
    """Un elemento de un GeoJSON como fila: sus propiedades, y detrás lo demás que trae (la geometría)."""
    found = decode(feature.encode("utf-8", "surrogateescape"))
    if found is None:
        return feature
    properties = found["properties"] if isinstance(found.get("properties"), dict) else {}
    others = {key: value for key, value in found.items() if key not in ("type", "properties")}
    row = properties | {f"{key}_" if key in properties else key: value for key, value in others.items()}
    return str(text_of(row))


def _decoded(text: str, position: int) -> tuple[Any, int]:
    """El valor que empieza en `position`, y dónde acaba."""
    try:
        return _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"El JSON está cortado o mal escrito: {error}.", "Genérelo de nuevo.") from error


def _after_space(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()  # type: ignore[union-attr]


def _in_one_line(text: str) -> str:
    return re.sub(r"[\r\n]+", " ", text)
