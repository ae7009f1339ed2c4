"""JSON lines: un objeto por línea -> trozos de columnas de texto.

Los números se toman como estaban escritos («0.10» sigue siendo «0.10»), también dentro de un objeto o
de una lista, que se guardan como JSON. Una clave repetida en un objeto aparta su fila: no se sabe cuál vale.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from etl.chunk import Chunk, Reject
from etl.dialect import ISO
from etl.extract.match import clean, plain_name
from etl.extract.records import BAD_BYTES, BAD_NUL, is_utf8, readable
from etl.extract.source import ByteStream, Utf8Stream

ROWS = 20_000
READ = 1 << 20
SAMPLE_ROWS = 1000
# Al leer, cada número lleva delante este signo, que ningún texto puede llevar: así, dentro de un objeto,
# vuelve a escribirse igual, y sin comillas.
NUMBER = "\0"
_NUMBER_INSIDE = re.compile(r'"\\u0000(-?[0-9]{1,1000}(?:\.[0-9]{1,1000})?(?:[eE][+-]?[0-9]{1,3})?)"')
# Una barra impar delante: «\\u0000» es un texto que habla del NUL, y no un NUL.
NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
BAD_JSON = "no es un objeto JSON completo en una sola línea, o repite una clave"


@dataclass
class JsonLinesFile:
    """Un archivo JSON lines abierto.

    `header`: las claves de sus primeras mil filas, y las opcionales; `kinds`: de qué clase son los valores de
    cada una, si se miró el archivo entero.
    """

    lines: Iterator[tuple[int, bytes]]
    first: list[tuple[int, bytes]]
    header: list[str] = field(default_factory=list)
    kinds: dict[str, str | None] = field(default_factory=dict)

    def chunks(self, columns: dict[str, int]) -> Iterator[Chunk]:
        """Las filas por trozos; una clave que falta en una fila es un valor nulo."""
        keys = {name: self.header[position] for name, position in columns.items()}
        batch = self.first
        while batch:
            yield _to_chunk(batch, keys)
            batch = list(islice(self.lines, ROWS))


def open_json_lines(stream: ByteStream, encoding: str, optional: Collection[str] = ()) -> JsonLinesFile:
    """Mira las primeras filas para conocer las claves, y les suma las de `optional`.

    Un archivo vacío no tiene ninguna.
    """
    lines = numbered_lines(Utf8Stream(stream, encoding))
    first = list(islice(lines, SAMPLE_ROWS))
    rows = [row for _, raw in first if (row := decode(raw))]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    known = {name for key in keys for name in (clean(key), plain_name(key))}
    return JsonLinesFile(lines, first, keys + [name for name in optional if keys and name not in known])


def numbered_lines(stream: Utf8Stream, number: int = 1) -> Iterator[tuple[int, bytes]]:
    """Las líneas que llevan algo, con su número; `number` es el de la primera."""
    pending = b""
    while True:
        data = stream.read(READ)
        *whole, pending = (pending + data).split(b"\n")
        if not data and pending:
            whole.append(pending)
        for raw in whole:
            if raw.strip():
                yield number, raw
            number += 1
        if not data:
            return


def decode(raw: bytes) -> dict[str, Any] | None:
    """El objeto de una línea, o nada si no es uno que se pueda guardar."""
    if not is_utf8(raw) or NUL.search(raw):
        return None
    try:
        row = json.loads(
            raw, parse_int=NUMBER.__add__, parse_float=NUMBER.__add__, parse_constant=str, object_pairs_hook=_object
        )
        if b"\\ud" in raw.lower():  # medio carácter («\ud83d» sin su pareja) no cabe en ningún texto
            json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("clave repetida")
    return row


def _to_chunk(batch: list[tuple[int, bytes]], keys: dict[str, str]) -> Chunk:
    rows = [(line, raw, decode(raw)) for line, raw in batch]
    good = [(line, raw, row) for line, raw, row in rows if row is not None]
    rejects = [_reject(line, raw) for line, raw, row in rows if row is None]
    columns = {name: pa.array([text_of(row.get(key)) for *_, row in good], pa.string()) for name, key in keys.items()}
    table = pa.table(columns)
    return Chunk(
        table, pa.array([line for line, *_ in good], pa.int64()), lambda row: readable(good[row][1]), ISO, rejects
    )


def _reject(line: int, raw: bytes) -> Reject:
    if not is_utf8(raw):
        return Reject(line, readable(raw), None, None, "encoding", BAD_BYTES)
    if NUL.search(raw):
        return Reject(line, readable(raw), None, None, "nul", BAD_NUL)
    return Reject(line, readable(raw), None, None, "json", BAD_JSON)


def text_of(value: Any) -> str | None:
    """Un valor como se guarda: los textos y los números tal cual, y lo demás como JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.removeprefix(NUMBER)
    if isinstance(value, bool):
        return "true" if value else "false"
    written = _NUMBER_INSIDE.sub(r"\1", json.dumps(value, ensure_ascii=False))
    # Un número que no cabe en el JSON de PostgreSQL queda como texto, pero entero.
    return written.replace('"\\u0000', '"')
