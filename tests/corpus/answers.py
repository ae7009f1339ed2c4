"""El corpus de detección: cada archivo de `files/` y, a su lado, la respuesta correcta escrita a mano.

Un caso nuevo son dos archivos: `nombre.csv` y `nombre.csv.json`. Lo leen las pruebas y `compare.py`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILES = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Case:
    """Un archivo y lo que debe averiguarse de él. En `quote` y `escape`, `None` es «da igual».

    `rows` son las filas que deben salir (`None` es «sin valor»); `rejected`, las líneas apartadas.
    """

    path: Path
    about: str
    encoding: str
    delimiter: str
    quote: str | None
    escape: str | None
    line_end: str
    header: bool
    preamble_rows: int
    header_rows: int
    columns: list[str]
    rows: list[list[str | None]]
    rejected: list[int]
    warns: bool
    refused: bool

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".csv")

    @property
    def first_data_line(self) -> int:
        return self.preamble_rows + self.header_rows + 1


def cases() -> list[Case]:
    """Todos los casos, por nombre."""
    return [_case(path) for path in sorted(FILES.glob("*.json"))]


def _case(path: Path) -> Case:
    answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Case(path=path.with_suffix(""), **answer)
