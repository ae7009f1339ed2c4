"""Una ejecución de `etl run`: lo que comparten sus archivos (`Session`) y qué fue de cada uno (`RunResult`).

Quien lo pidió enseña lo segundo.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4

from etl.database.connection import LOADER, Connection, connect
from etl.dialect import Dialect
from etl.extract.source import Source
from etl.load.ledger import Counts
from etl.reader import order
from etl.settings import Settings

# Recibe el archivo, los bytes leídos y las cuentas hasta ahora.
Progress = Callable[[Source, int, Counts], None]


@dataclass
class Session:
    """Una ejecución. La conexión se renueva si se pierde.

    `engine`: dónde se validan las filas. `announce` dice algo a la persona antes de empezar; `facts`, lo que el
    motor añade a `--json`. `again`: también lo que se cargó con otra declaración. `waiting`: los archivos por cargar,
    cuando se sabe cuáles son.
    """

    settings: Settings
    engine: str
    progress: Progress
    announce: Callable[[str], None]
    connection: Connection
    again: bool = False
    run_id: UUID = field(default_factory=uuid4)
    facts: dict[str, Any] = field(default_factory=dict)
    waiting: list[Source] = field(default_factory=list)


@contextmanager
def open_session(
    settings: Settings, engine: str, progress: Progress, announce: Callable[[str], None], again: bool = False
) -> Iterator[Session]:
    """Una ejecución, con su conexión abierta hasta salir. Lanza `DatabaseUnavailable` si no se llega a PostgreSQL."""
    session = Session(settings, engine, progress, announce, connect(settings, role=LOADER), again)
    try:
        yield session
    finally:
        session.connection.close()


Status = Literal["loaded", "skipped", "refused", "failed"]


@dataclass
class FileResult:
    """El destino de un archivo.

    `reason` explica por qué no se cargó; `seconds`, lo que tardó; `encoding` y `written`, cómo estaba escrito, si es de
    texto. `facts`: lo que añade a `--json` quien lo leyó.
    """

    file: str
    dataset: str | None
    table: str | None
    status: Status = "loaded"
    counts: Counts = field(default_factory=Counts)
    bytes: int = 0
    seconds: float = 0.0
    reason: str | None = None
    encoding: str | None = None
    written: Dialect | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def outside(self) -> bool:
        """Si el archivo no entró."""
        return self.status in ("refused", "failed")

    def fail(self, status: Status, reason: str) -> None:
        """No entró nada de él."""
        self.status, self.counts, self.reason = status, Counts(), reason

    def skip(self, reason: str | None = None, then: str | None = None, now: str | None = None) -> None:
        """Ya estaba cargado; `then` y `now`: con qué declaración, si se sabe, y cuál es la de ahora."""
        self.status, self.counts, self.reason = "skipped", Counts(), reason
        if then not in (None, now):
            self.warnings.append(f"se cargó con otra declaración; para usar la de ahora: {order('run --again')}")


@dataclass
class RunResult:
    """Una ejecución entera de `etl run`. `facts`: lo que su motor cuenta de sí mismo."""

    run_id: UUID
    engine: str
    files: list[FileResult]
    marts: list[str]
    facts: dict[str, Any]
    # Qué les pasa a los marts que están mal escritos.
    wrong_marts: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 si todo se cargó o ya estaba (con rechazos o sin ellos); 3 si no entró algún archivo, o falló un mart."""
        return 3 if self.wrong_marts or any(file.outside for file in self.files) else 0
