"""JSON sin declarar: un objeto por línea, o una lista de objetos, con todas las claves del archivo.

Se recorre dos veces: la primera reúne las claves (la última fila puede traer una que nadie más tiene).
El segundo recorrido es el de `jsonl.py`. Una lista, o unos objetos escritos en varias líneas, se pasan
antes a un objeto por línea.
"""

import io
import json
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import chain
from json.decoder import scanstring  # type: ignore[attr-defined]

from etl.errors import FileRefused
from etl.extract.jsonl import NUMBER, JsonLinesFile, decode, open_json_lines
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

JSON = (*JSON_LINES, ".geojson")
# Una lista hay que leerla entera para partirla; un objeto por línea no tiene límite.
LIST_LIMIT = 256 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


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
        raise FileRefused(
            "No hay ni un objeto JSON.", "Se espera un objeto por línea, o una lista de objetos."
        )
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


def one_per_line(sample: bytes, whole: ByteStream, encoding: str) -> tuple[ByteStream, str]:
    """Los mismos objetos, cada uno en su línea, y la codificación en que quedan. Lo que ya está así no se toca.

    Lanza `FileRefused` si es una lista cortada o mal escrita, o demasiado grande para partirla.
    """
    start = sample.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    first = start.partition("\n")[0]
    if (
        not start.startswith("[")
        and decode(first.encode("utf-8", "replace")) is not None
        and not _is_geojson(start)
    ):
        return whole, encoding
    read = read_fully(whole, LIST_LIMIT + 1)
    try:
        if len(read) > LIST_LIMIT:
            raise FileRefused("El JSON ocupa más de 256 MB.", "Guárdelo con un objeto por línea (.jsonl).")
        text = read.decode(encoding, "surrogateescape").lstrip("\ufeff \t\r\n")
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
        end = _value_end(text, position)
        found = dict(_fields(text, position)) if text[position] == "{" else {}
        if found.get("type") == '"FeatureCollection"' and found.get("features", "").startswith("["):
            for feature in _elements(found["features"], 0):
                yield _feature(feature)
        else:
            yield _in_one_line(text[position:end])
        position = end


def _elements(text: str, position: int) -> Generator[str, None, int]:
    """El texto de cada elemento de la lista que empieza en `position`; devuelve dónde acaba."""
    position = _after_space(text, position + 1)
    while position < len(text) and text[position] != "]":
        end = _value_end(text, position)
        yield _in_one_line(text[position:end])
        position = _after_space(text, end)
        if text[position : position + 1] == ",":
            position = _after_space(text, position + 1)
        elif text[position : position + 1] != "]":
            break
    if text[position : position + 1] != "]":
        raise FileRefused(
            "El JSON está cortado o mal escrito: falta el final de la lista.", "Genérelo de nuevo."
        )
    return position + 1


def _fields(text: str, position: int) -> Iterator[tuple[str, str]]:
    """Cada clave del objeto que empieza en `position`, y el texto de su valor; está ya comprobado."""
    position = _after_space(text, position + 1)
    while text[position] != "}":
        key, position = scanstring(text, position + 1)
        position = _after_space(text, _after_space(text, position) + 1)
        end = _value_end(text, position)
        yield key, text[position:end]
        position = _after_space(text, _after_space(text, end) + (text[_after_space(text, end)] == ","))


def _feature(feature: str) -> str:
    """Un elemento de un GeoJSON como fila: sus propiedades, y detrás lo demás que trae (la geometría)."""
    found = dict(_fields(feature, 0)) if feature.startswith("{") else {}
    properties = dict(_fields(found["properties"], 0)) if found.get("properties", "").startswith("{") else {}
    others = {key: value for key, value in found.items() if key not in ("type", "properties")}
    row = properties | {f"{key}_" if key in properties else key: value for key, value in others.items()}
    return (
        "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {value}" for key, value in row.items()) + "}"
    )


def _value_end(text: str, position: int) -> int:
    try:
        return _DECODER.raw_decode(text, position)[1]
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"El JSON está cortado o mal escrito: {error}.", "Genérelo de nuevo.") from error


def _after_space(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()  # type: ignore[union-attr]


def _in_one_line(text: str) -> str:
    return re.sub(r"[\r\n]+", " ", text)
