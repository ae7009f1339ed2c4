"""Lo que acompaña al núcleo, en forma de funciones: `wiring.py` pone las suyas y aquí está lo que pasa sin ellas.

Solo, el núcleo carga archivos declarados, de texto o JSON lines, y lo cuenta en texto llano.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from etl.database.connection import Connection
from etl.database.migrate import Check, unchecked
from etl.errors import DatabaseUnavailable
from etl.extract.discover import Members, one_member
from etl.extract.read import Reading
from etl.extract.source import Source
from etl.load.ledger import Counts, Load
from etl.load.marts import Renew, rebuild
from etl.local import LoadRows, open_local
from etl.run import FileResult, Session
from etl.schema import Declared
from etl.settings import Settings, load_settings

# Lo que se sabe de un mensaje de error, línea a línea.
Explain = Callable[[str], list[str]]
# Los archivos que se van a cargar, en su orden, con su declaración si la tienen.
Pairs = Sequence[tuple[Source, Declared | None]]
# Un motor, para esos archivos.
OpenEngine = Callable[[Session, Pairs], AbstractContextManager[LoadRows]]


def refused(reason: str, _session: Session, source: Source, _how: object) -> list[FileResult]:
    result = FileResult(source.name, None, None)
    result.fail("refused", reason)
    return [result]


not_declared = partial(refused, "Ninguna declaración encaja con su nombre.")
not_corrected = partial(refused, "Es una cuarentena corregida, y esta instalación no las carga.")


def with_address() -> Settings:
    settings = load_settings()
    if settings.db_host is None:
        raise DatabaseUnavailable("Falta DB_HOST: no se sabe qué PostgreSQL usar.", "Póngalo en .env.")
    return settings


@dataclass(frozen=True)
class Parts:
    """Lo que se puede poner en lugar de lo del núcleo.

    `live_settings`: la configuración, con la dirección de un servidor en marcha. `engines`: dónde se validan las
    filas. `check_migrations`: mira si están bien escritas. `reading` y `members`: otros formatos y archivos que
    llevan otros dentro. `undeclared`: carga lo que nadie declaró. `declared_now`: avisos, al cargar un archivo que
    antes no estaba declarado. `correct` carga una cuarentena corregida; `mend` repite las correcciones de una carga
    que se lee otra vez. `already` dice, de muchos archivos, cuáles están ya. `renew_mart` pone al día un mart.
    `explain`: lo que se sabe de un mensaje de error, línea a línea.
    """

    live_settings: Callable[[], Settings] = with_address
    engines: Mapping[str, OpenEngine] = field(default_factory=lambda: {"local": open_local})
    check_migrations: Check = unchecked
    reading: Reading = field(default_factory=Reading)
    members: Members = one_member
    undeclared: Callable[[Session, Source, bool], list[FileResult]] = not_declared
    declared_now: Callable[[Connection, str], list[str]] = lambda _connection, _file: []
    correct: Callable[[Session, Source, Sequence[Declared]], list[FileResult]] = not_corrected
    mend: Callable[[Connection, Load, Declared, Counts], list[str]] = lambda *_nothing: []
    already: Callable[[Session, Pairs], Mapping[str, FileResult]] = lambda *_nothing: {}
    renew_mart: Renew = rebuild
    explain: Explain = lambda _message: []
