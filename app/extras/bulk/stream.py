"""COPY que sigue abierto de un trozo al siguiente: así el servidor no espera entre dos trozos."""

import time
from contextlib import ExitStack
from typing import Any, Self

import pyarrow as pa
from psycopg import Copy

from etl.chunk import Reject
from etl.load.table import Prepared
from extras.bulk.binary import BinaryWriter

# Un COPY es una sentencia, y `DB_STATEMENT_SECONDS` dice lo que puede durar: mucho más que esto.
SECONDS = 0.3


class StreamingWriter(BinaryWriter):
    """Donde no hay que preguntar nada entre un trozo y el siguiente.

    Mientras COPY está abierto la conexión no sirve para otra cosa. Hay que salir de él (`with`) también si algo falla.
    """

    _copy: Copy
    _until = 0.0

    def __enter__(self) -> Self:
        self._opened = ExitStack()
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self.end_stream()
        self._opened.__exit__(*error)

    def add(self, prepared: Prepared) -> list[Reject]:
        """Pone las filas en la tabla."""
        self.stream(prepared.rows, prepared.payload)
        return []

    def stream(self, rows: pa.Table, payload: list[bytes]) -> None:
        """Manda unas filas, ya escritas."""
        if not self._until:
            self._opened.enter_context(self.connection.transaction())
            self._copy = self._opened.enter_context(self.copying(self.target, rows.column_names))
            self._copy.write(self.START)
            self._until = time.monotonic() + SECONDS
        for piece in payload:
            if piece not in (self.START, self.END):  # son de todos los trozos
                self._copy.write(piece)
        self.counts.loaded += rows.num_rows
        if time.monotonic() > self._until:
            self.end_stream()

    def set_aside(self, rejects: list[Reject]) -> None:
        """Guarda los rechazos de un trozo."""
        self.end_stream()
        super().set_aside(rejects)

    def end_stream(self) -> None:
        """Acaba COPY, si está abierto: la conexión vuelve a servir para otra cosa. Si falla, nada de él entró."""
        if self._until:
            self._until = 0.0
            self._copy.write(self.END)
        self._opened.close()
