"""Separa las filas que seguro que entran de las que hay que preguntar a PostgreSQL.

Solo trabaja cuando una clave ya chocó. Entra un trozo de filas válidas y sale qué filas son dudosas: su clave pudo salir
en otra del archivo. Una fila dudosa no es mala: `writer.py` deja que decida el servidor. Una que no lo es se copia sin
preguntar. Si la clave se construye al final (`borrow.py`), dice en qué líneas está lo repetido.
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection, sql

from etl.chunk import from_numpy
from etl.schema import Table
from extras.bulk.copy_out import copy_out

# 16 MB bastan para 6 millones de claves con 1 duda falsa por mil; con muchas más, solo hay más dudas.
WORDS = 1 << 21
# Filas cuyas claves se mezclan a la vez: caben en la memoria del procesador.
SLICE = 1 << 14


class Sieve:
    """Lo que se sabe de las claves de este archivo, en un filtro de Bloom: «no» es seguro y «sí» es quizá."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # El hilo que prepara y el que carga miran trozos distintos, a veces a la vez.
        self._turn = threading.Lock()
        self._words = np.zeros(WORDS, np.uint64)

    def __call__(self, rows: pa.Table) -> np.ndarray:
        """Qué filas del trozo pueden compartir clave con otra. Las claves quedan apuntadas."""
        keys = _hashes(rows, self._table.key)
        with self._turn:
            doubtful: np.ndarray = self._note(keys) | _repeated(keys).to_numpy(zero_copy_only=False)
        return doubtful

    def learn(self, connection: Connection[Any], own: sql.Composable, types: pa.Schema) -> None:
        """Apunta las claves de las filas de la tabla que cumplen `own`, leídas por trozos."""
        names = [name for name in self._table.key if name in types.names]  # el número de la carga no va en las filas
        query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(self._table.schema, self._table.table), own
        )
        for keys in copy_out(connection, query, pa.schema([types.field(name) for name in names])):
            self._note(_hashes(keys, self._table.key))

    def _note(self, keys: np.ndarray) -> np.ndarray:
        """Cuáles podían estar ya en el filtro; todas quedan en él."""
        word, bits = (keys >> np.uint64(24)) % np.uint64(WORDS), np.zeros(len(keys), np.uint64)
        for shift in (0, 6, 12, 18):
            bits |= np.uint64(1) << ((keys >> np.uint64(shift)) & np.uint64(63))
        known: np.ndarray = (self._words[word] & bits) == bits
        np.bitwise_or.at(self._words, word, bits)
        return known


def repeated_lines(noted: Sequence[pa.Table], key: tuple[str, ...]) -> list[int]:
    """Las líneas de las filas cuya clave puede estar en otra; ninguna, si son tantas que decirlas no ahorra nada."""
    if not noted:
        return []
    rows = pa.concat_tables(noted)
    lines = rows["_line"].filter(_repeated(_hashes(rows, key)))
    return lines.to_pylist() if len(lines) < rows.num_rows / 8 else []


def _repeated(keys: np.ndarray) -> pa.Array:
    """Cuáles salen más de una vez."""
    ordered = np.sort(keys)
    return pc.is_in(from_numpy(keys), from_numpy(ordered[1:][ordered[1:] == ordered[:-1]]))


def _hashes(rows: pa.Table, key: tuple[str, ...]) -> np.ndarray:
    """Un número por clave, el mismo si es la misma. El de la carga, que puede ser parte de ella, es igual en todas."""
    keys = rows.select([name for name in key if name in rows.column_names])
    batches = [_of_batch(batch) for batch in keys.to_batches(SLICE)]
    return np.concatenate(batches) if batches else np.zeros(0, np.uint64)


def _of_batch(keys: pa.RecordBatch) -> np.ndarray:
    mixed = np.zeros(keys.num_rows, np.uint64)
    for column in keys.columns:
        simple = pa.types.is_primitive(column.type) and not pa.types.is_boolean(column.type)
        mixed = _stirred(mixed ^ (_of_numbers(column) if simple else _of_texts(column.cast(pa.string()))))
    return mixed


def _of_numbers(column: pa.Array) -> np.ndarray:
    values = np.frombuffer(column.buffers()[1], f"u{column.type.bit_width // 8}")
    return values[column.offset : column.offset + len(column)].astype(np.uint64)


def _of_texts(column: pa.Array) -> np.ndarray:
    """La suma de los bytes de cada uno, multiplicados por un número que depende de su lugar."""
    _, ends, data = column.buffers()
    edges = np.frombuffer(ends, np.int32)[column.offset : column.offset + len(column) + 1]
    letters = np.frombuffer(data or b"", np.uint8)[edges[0] : edges[-1]].astype(np.uint64)
    place = np.arange(edges[0], edges[-1], dtype=np.uint64) - np.repeat(edges[:-1], np.diff(edges)).astype(np.uint64)
    sums = np.append(np.uint64(0), np.cumsum((letters + np.uint64(1)) * _stirred(place)))
    return np.asarray(sums[edges[1:] - edges[0]] - sums[edges[:-1] - edges[0]])


def _stirred(values: np.ndarray) -> np.ndarray:
    """Reparte los bits (SplitMix64): dos números seguidos no se parecen."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(values ^ (values >> np.uint64(31)))
