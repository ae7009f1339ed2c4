"""Las conexiones a PostgreSQL: con paciencia mientras arranca y con límite en todo lo demás.

Entra un `Settings` y sale una conexión de psycopg que no espera para siempre por nada: ni por el
servidor, ni por un bloqueo, ni por una red que se quedó muda.
"""

import logging
import time
import tomllib
from importlib.resources import files  # en un ejecutor de Spark, el código está en un .zip
from typing import Any

import psycopg
from psycopg import errors, sql

from etl.errors import DatabaseUnavailable
from etl.settings import IN_IMAGE, Settings

# Lo que psycopg avisa al deshacer lo interrumpido iría al terminal, en inglés; lo que importa llega como excepción.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

LOCAL = ("localhost", "127.0.0.1", "::1")
LOADER = "etl_loader"
OWNER = "etl_owner"
TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid = %s AND application_name = 'etl'"

# Estos fallos no se arreglan insistiendo; una contraseña mala repetida puede bloquear la cuenta.
FATAL = (errors.InvalidPassword, errors.InvalidAuthorizationSpecification, errors.InvalidCatalogName)

# Los que psycopg no distingue al conectar, por sus palabras.
FATAL_WORDS: dict[str, list[str]] = tomllib.loads(files("etl.database").joinpath("fatal.toml").read_text("utf-8"))


class Connection(psycopg.Connection[Any]):
    """Una conexión que se da por perdida si el servidor calla más de `patience` segundos."""

    patience: float | None = None
    # Cómo la conoce el servidor; hace falta cuando ya no se puede hablar con ella.
    pid: int | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        limit = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except errors._WaitTimeout:
            self.close()
            raise psycopg.OperationalError(f"el servidor no respondió en {limit:.0f} s") from None


def connect(settings: Settings, role: str | None = None, lost: Connection | None = None) -> Connection:
    """Abre una conexión; con `role`, entra como el cargador o hace de ese papel (`SET ROLE`) con otro usuario.

    Con `lost`, acaba además con esa otra, que en el servidor puede seguir viva: si la red se quedó muda en
    mitad de un COPY, espera datos que no llegarán, con la tabla bloqueada, y ningún límite corta esa espera.
    Insiste con pausas crecientes durante `connect_seconds` si el servidor aún no responde, o si deja entrar y
    enseguida se cae. Lanza `DatabaseUnavailable`, enseguida si el fallo no se arregla esperando.
    """
    deadline = time.monotonic() + settings.connect_seconds
    pause = 0.1
    while True:
        try:
            connection = _open(settings, role)
            if lost:
                connection.execute(TERMINATE, (lost.pid,))
            return connection
        except psycopg.OperationalError as error:
            if _is_fatal(error) or time.monotonic() + pause > deadline:
                raise _unavailable(settings, error) from error
        time.sleep(pause)
        pause = min(pause * 2, 3)


def _open(settings: Settings, role: str | None) -> Connection:
    if role == LOADER != settings.db_user:
        # Mejor entrar como el cargador que hacer de él (SET ROLE): de eso se puede volver a lo que se era, y
        # un disparador que alguien pusiera en una tabla del cargador lo haría.
        try:
            return _log_in(settings, LOADER, settings.loader_password)
        except psycopg.OperationalError as error:
            if not _is_fatal(error):
                raise
            # Puede tener otra contraseña que la de aquí.
    connection = _log_in(settings, settings.db_user, settings.db_password)
    if role and role != settings.db_user:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    return connection


def _log_in(settings: Settings, user: str, password: str) -> Connection:
    connection = Connection.connect(
        host=settings.db_host,
        hostaddr="",  # si no, PGHOSTADDR llevaría a otro servidor sin decirlo
        port=settings.db_port,
        user=user,
        password=password,
        dbname=settings.db_name,
        application_name="etl",
        connect_timeout=max(2, int(settings.connect_seconds)),
        # Una red cortada sin aviso se nota en menos de un minuto.
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=30_000,
        options=" ".join(f"-c {name}={value}" for name, value in _limits(settings).items()),
        autocommit=True,
    )
    # El servidor corta antes que nosotros: así el motivo llega escrito.
    connection.patience = settings.statement_seconds + 5
    connection.pid = connection.info.backend_pid
    return connection


def _limits(settings: Settings) -> dict[str, Any]:
    return {
        "lock_timeout": f"{settings.lock_seconds * 1000:.0f}",
        "statement_timeout": f"{settings.statement_seconds * 1000:.0f}",
        # Si este proceso muere sin despedirse (un apagón), el servidor suelta sus bloqueos solo.
        "tcp_keepalives_idle": 10,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
        "idle_in_transaction_session_timeout": f"{settings.statement_seconds * 1000:.0f}",
        # Nada se busca en un esquema donde otro puede crear: una función suya con el nombre de una de
        # PostgreSQL se ejecutaría con los permisos de quien la llama.
        "search_path": "pg_catalog",
        "client_encoding": "UTF8",
        "datestyle": "ISO",
    }


def _is_fatal(error: psycopg.OperationalError) -> bool:
    """Al conectar, psycopg no siempre da el código del error; el texto sí dice lo mismo."""
    return isinstance(error, FATAL) or any(one in str(error) for words in FATAL_WORDS.values() for one in words)


def _unavailable(settings: Settings, error: psycopg.Error) -> DatabaseUnavailable:
    where = f"{settings.db_user}@{settings.db_host}:{settings.db_port}/{settings.db_name}"
    # Una línea por dirección probada («localhost» son dos): la de quien contestó, aunque fuera que no, o la última.
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("\t")]
    answered = (line for line in lines if "FATAL" in line or "refused" in line)
    reason = next(answered, lines[-1]).removeprefix("- ")
    hint = ""
    if IN_IMAGE and settings.db_host in LOCAL:
        hint = "En esa dirección no escucha nadie: dentro de un contenedor es él mismo. Ponga DB_HOST=postgres, el servicio."
    return DatabaseUnavailable(f"No se puede usar PostgreSQL en {where}: {reason}.", hint)
