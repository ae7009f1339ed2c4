"""Separa las filas que seguro que entran de las que hay que preguntar a PostgreSQL.

Solo trabaja cuando una clave ya chocó. Entra un trozo de filas válidas y sale qué filas son dudosas: su clave pudo
salir antes en el archivo. Una fila dudosa no es mala: `writer.py` deja que decida el servidor. Una que no lo es se
copia sin preguntar.
"""

import threading
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from psycopg import Connection, sql

from etl.schema import Table
from extras.bulk.copy_out import copy_out

# 16 MB bastan para 6 millones de claves con 1 duda falsa por mil; con muchas más, solo hay más dudas.
WORDS = 1 << 21


class KeyFilter:
    """Un filtro de Bloom: «no» es seguro y «sí» es quizá; la memoria no depende de cuántas claves."""

    def __init__(self) -> None:
        self._words = np.zeros(WORDS, np.uint64)

    def add(self, hashes: np.ndarray) -> None:
        word, bits = _place(hashes)
        while word.size:
            # Con una palabra repetida numpy solo guarda la última: se insiste con las que faltan.
            self._words[word] |= bits
            missing = (self._words[word] & bits) != bits
            word, bits = word[missing], bits[missing]

    def may_contain(self, hashes: np.ndarray) -> np.ndarray:
        word, bits = _place(hashes)
        found: np.ndarray = (self._words[word] & bits) == bits
        return found


def _place(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """La palabra de cada clave y los cuatro bits que enciende en ella."""
    bits = np.zeros(len(hashes), np.uint64)
    for shift in (0, 6, 12, 18):
        bits |= np.uint64(1) << ((hashes >> np.uint64(shift)) & np.uint64(63))
    return (hashes >> np.uint64(24)) % np.uint64(WORDS), bits


class Sieve:
    """Lo que se sabe de las claves de este archivo."""

    def __init__(self, connection: Connection[Any], table: Table, own: sql.Composable, types: pa.Schema) -> None:
        self.key = table.key
        # El hilo que prepara y el que carga miran trozos distintos, a veces a la vez.
        self._turn = threading.Lock()
        query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(", ").join(map(sql.Identifier, table.key)), sql.Identifier(table.schema, table.table), own
        )
        self._seen = _filled(connection, query, [types.field(name).type for name in table.key])

    def __call__(self, rows: pa.Table) -> np.ndarray:
        """Qué filas del trozo pueden repetir una clave. Las claves quedan apuntadas."""
        keys = _hashes(rows.select(self.key))
        with self._turn:
            doubtful = self._seen.may_contain(keys) | pd.Series(keys).duplicated().to_numpy()
            self._seen.add(keys)
        return np.asarray(doubtful)


def _hashes(keys: pa.Table) -> np.ndarray:
    return np.asarray(pd.util.hash_pandas_object(keys.to_pandas(ignore_metadata=True), index=False))


def _filled(connection: Connection[Any], query: sql.Composed, types: list[pa.DataType]) -> KeyFilter:
    """Un filtro con todas las claves que devuelve la consulta, leídas por trozos."""
    keys = KeyFilter()
    schema = pa.schema([(str(position), data_type) for position, data_type in enumerate(types)])
    for table in copy_out(connection, query, schema):
        keys.add(_hashes(table))
    return keys
