"""Planta errores en las líneas ya escritas de un archivo y lleva la cuenta de lo que debe pasar.

Entran líneas correctas; salen las mismas con algunas estropeadas según una tabla de
`corruptions.py`. Lo que el pipeline debe encontrar queda en `FileCounts`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from generate.corruptions import FOOTER, Corruption, footer
from generate.dice import Dice
from generate.layouts import Layout


@dataclass
class FileCounts:
    """Lo que debe pasar al cargar un archivo, y qué errores se plantaron en él, por nombre.

    Una fila es un registro no vacío tras la cabecera: una línea rota, una cabecera repetida o
    un pie son una fila leída y una rechazada; una clave que se repite, una leída y una duplicada.
    """

    rows_read: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    bytes: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def rows_loaded(self) -> int:
        return self.rows_read - self.rows_duplicate - self.rows_rejected


class Planter:
    """Reparte `errors` errores por las `rows` filas de un archivo, turnando los de la tabla.

    `turn` es el error de la tabla por el que se empieza: los archivos de ventas son doce, y así
    entre todos se plantan todos por igual.
    """

    def __init__(
        self,
        corruptions: Mapping[str, Corruption],
        layout: Layout,
        dice: Dice,
        *,
        rows: int,
        errors: int,
        turn: int = 0,
    ) -> None:
        self.counts = FileCounts()
        self.rejected_rows: list[int] = []  # posiciones de las filas que se perdieron
        self._kinds = list(corruptions.items())
        self._layout, self._dice = layout, dice
        self._rows, self._errors, self._turn = rows, errors, turn
        self._seen = 0  # filas que ya pasaron, sin contar las añadidas

    def plant(self, lines: list[bytes]) -> list[bytes]:
        """Un bloque de líneas con sus errores; las claves repetidas van al final del bloque."""
        done, due = self._planted(self._seen), self._planted(self._seen + len(lines))
        kinds = [self._kinds[(self._turn + i) % len(self._kinds)] for i in range(done, due)]
        repeated: list[bytes] = []
        for slot, which in enumerate(self._dice.shuffled(len(kinds)).tolist()):
            name, corruption = kinds[which]
            row = self._row_in(slot, len(kinds), len(lines))
            bad = self._spoiled(lines[row], corruption)
            self._count(name, corruption, self._seen + row)
            if corruption.duplicate:
                repeated.append(bad)
            else:
                lines[row] = lines[row] + bad if corruption.keeps_row else bad
        self._seen += len(lines)
        self.counts.rows_read += len(lines)
        return lines + repeated

    def footer(self) -> bytes:
        """La línea de totales, contada."""
        self.counts.errors[FOOTER] += 1
        self.counts.rows_read += 1
        self.counts.rows_rejected += 1
        eol = self._layout.eol
        return (eol + footer(self._layout, self._rows) + eol).encode(self._layout.encoding)

    def _planted(self, rows: int) -> int:
        """Cuántos errores tocan en las primeras `rows` filas."""
        return self._errors * rows // max(self._rows, 1)

    def _row_in(self, slot: int, slots: int, rows: int) -> int:
        """Una fila al azar del tramo que toca a este error: así dos nunca caen en la misma."""
        first, last = slot * rows // slots, (slot + 1) * rows // slots
        return first + int(self._dice.below(last - first, 1)[0])

    def _spoiled(self, line: bytes, corruption: Corruption) -> bytes:
        layout = self._layout
        fields = layout.split(line.decode(layout.encoding).removesuffix(layout.eol))
        text = corruption.spoil(fields, layout) + layout.eol
        return text.encode(layout.encoding, "surrogateescape")

    def _count(self, name: str, corruption: Corruption, row: int) -> None:
        self.counts.errors[name] += 1
        if corruption.keeps_row:
            self.counts.rows_read += 1
        else:
            self.rejected_rows.append(row)
        if corruption.duplicate:
            self.counts.rows_duplicate += 1
        else:
            self.counts.rows_rejected += 1
