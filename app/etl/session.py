"""Lo que comparten los archivos de una ejecución de `etl run`: configuración, conexión y a quién se le cuenta."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from etl.database.connection import LOADER, Connection, connect
from etl.extract.source import Source
from etl.load.ledger import Counts
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
