"""Un cargador de verdad en otro proceso, para matarlo, y lo que debe ser verdad después (I1 a I5)."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import OperationalError

from etl.settings import Settings
from own_project import PYTHONPATH
from own_rows import VENTAS, load, query, venta, write_parents
from support import connect_settings

# Importar tarda más que cargar: un proceso ya preparado se bifurca en cada carga.
NURSERY = """
import os, resource, sys
import wiring
from etl import declarations, pipeline
from etl.database import migrate
from etl.load import table
from extras.bulk import sieve
from extras.screen import progress, summary
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        if spare := os.environ.get("SPARE_MEMORY"):
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + int(spare),) * 2)
        wiring.main(["run", "--quiet", *line.split()])
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
KILLED = -signal.SIGKILL


def environment(settings: Settings, **changes: str) -> dict[str, str]:
    """El entorno con el que la orden `etl` usa la base y la carpeta de una prueba."""
    return os.environ | {
        "DB_HOST": str(settings.db_host),
        "DB_PORT": str(settings.db_port),
        "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password,
        "DB_NAME": settings.db_name,
        "DATOS_DIR": str(settings.datos_dir),
        "DB_CONNECT_SECONDS": "10",
        "SQL_DIR": str(settings.sql_dir),
        "PYTHONPATH": PYTHONPATH,
        **changes,
    }


def etl(settings: Settings, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """La orden `etl`, entera: salida, errores y código."""
    return subprocess.run(
        [sys.executable, "-m", "wiring", *arguments],
        env=environment(settings, **changes),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@dataclass
class Loading:
    """Una carga en marcha en otro proceso."""

    pid: int
    nursery: subprocess.Popen[str]

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # ya había acabado
            os.kill(self.pid, number)

    def exit_code(self) -> int:
        """Espera a que acabe."""
        assert self.nursery.stdout is not None
        return int(self.nursery.stdout.readline())


class Loader:
    """Lanza cargas, una detrás de otra, de la carpeta de una prueba."""

    def __init__(self, nursery: subprocess.Popen[str]) -> None:
        self.nursery = nursery

    def start(self, *paths: Path) -> Loading:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(" ".join(map(str, paths)) + "\n")
        self.nursery.stdin.flush()
        return Loading(int(self.nursery.stdout.readline()), self.nursery)

    def run(self, *paths: Path) -> int:
        return self.start(*paths).exit_code()


@contextmanager
def loader(settings: Settings, **changes: str) -> Iterator[Loader]:
    """Un cargador preparado; lo que escriba por stderr se ve si la prueba falla."""
    command = [sys.executable, "-c", NURSERY]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment(settings, **changes), **pipes) as nursery:
        yield Loader(nursery)


# --- Los datos -------------------------------------------------------------------------------

# Con una columna ancha que no se carga, dos bloques de 8 MB: hay lectura, COPY y mezcla a la vez.
ROWS = 20_000
PADDING = "x" * 600
# De cada mil filas, una con una fecha imposible y otra que repite la clave anterior.
BAD = REPEATED = ROWS // 1000
LOADED = ROWS - BAD - REPEATED


def big_sales(canal: str = "web") -> str:
    """Muchas ventas, con filas malas y claves repetidas."""
    bad, good = "31/02/2025", "31/01/2025"
    return VENTAS.replace("\n", ",nota\n") + "".join(
        venta(
            number - 1 if number % 1000 == 500 else number,
            fecha_venta=bad if number % 1000 == 0 else good,
            canal=canal,
            precio_unitario=f"{number % 90 + 1}.25",
        ).replace("\n", f",{PADDING}\n")
        for number in range(1, ROWS + 1)
    )


def prepare(settings: Settings) -> Path:
    """Las tablas madre, cargadas, y el archivo grande por cargar."""
    write_parents(settings)
    load(settings)
    path = settings.datos_dir / "ventas.csv"
    path.write_text(big_sales())
    return path


# --- Lo que debe ser verdad ------------------------------------------------------------------

SALES = "SELECT count(*), min(canal), max(canal) FROM datos.ventas"


class Reader:
    """Alguien que consulta la tabla sin parar mientras pasa de todo."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.seen: set[tuple[int, str | None, str | None]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                with connect_settings(self.settings, connect_timeout=5) as connection:
                    while not self._stop.wait(0.03):
                        self.seen.update(connection.execute(SALES).fetchall())
            except OperationalError:
                self._stop.wait(0.05)  # el servidor está parado: también es parte de la prueba


def wait_for_sessions_to_end(settings: Settings, seconds: float = 10) -> None:
    """I4: ninguna sesión del cargador sigue viva, y con ella se van bloqueos y tablas temporales."""
    deadline = time.monotonic() + seconds
    left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'etl'"
    while query(settings, left) != [0]:
        assert time.monotonic() < deadline, "queda una sesión del cargador"
        time.sleep(0.02)


def wait_for_copy(settings: Settings, table: str = "datos", seconds: float = 20) -> None:
    """Espera a que el cargador tenga filas camino de la tabla."""
    copying = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'etl' AND query ~ '^COPY.*{table}'"
    deadline = time.monotonic() + seconds
    with connect_settings(settings) as connection:
        while connection.execute(copying + " AND datname = current_database()").fetchone() == (0,):
            assert time.monotonic() < deadline, "la carga no llega a copiar filas"
            time.sleep(0.002)


def check_invariants(settings: Settings) -> None:
    """I1, I4 y lo que se puede ver de I5 sin el código de salida."""
    wait_for_sessions_to_end(settings)
    assert (
        query(settings, "SELECT * FROM etl.loads WHERE rows_read <> rows_loaded + rows_duplicate + rows_rejected") == []
    )
    assert query(settings, "SELECT load_id FROM etl.loads WHERE status = 'loading'") == []
    per_load = (
        "SELECT l.load_id FROM etl.loads AS l WHERE l.table_name = 'datos.ventas' AND ("
        " (SELECT count(*) FROM etl.rejects AS r WHERE r.load_id = l.load_id) <> l.rows_rejected"
        " OR l.status = 'loaded' AND (SELECT count(*) FROM datos.ventas AS v WHERE v._load_id = l.load_id) <> l.rows_loaded)"
    )
    assert query(settings, per_load) == []
    loaded = "SELECT load_id FROM etl.loads WHERE status = 'loaded'"
    assert query(settings, f"SELECT count(*) FROM datos.ventas WHERE _load_id NOT IN ({loaded})") == [0]
    leftovers = "SELECT relname FROM pg_class WHERE relname = 'etl_stage' OR relname LIKE '%\\_\\_nuevo'"
    assert query(settings, leftovers) == []
    assert query(settings, "SELECT count(*) FROM pg_prepared_xacts") == [0]
    # Lo prestado está de vuelta: la clave, y quien comprueba las referencias.
    assert query(settings, "SELECT conname FROM pg_constraint WHERE conname = 'pk_ventas'") == ["pk_ventas"]
    assert query(settings, "SELECT tgname FROM pg_trigger WHERE tgisinternal AND tgenabled <> 'O'") == []
    assert query(settings, "SELECT tgname FROM pg_trigger WHERE tgname ~ '^check_' AND tgenabled <> 'D'") == []


def statuses(settings: Settings) -> list[str]:
    """Los apuntes de ventas.csv, en orden."""
    return query(settings, "SELECT status FROM etl.loads WHERE file = 'ventas.csv' ORDER BY load_id")


def content(settings: Settings) -> tuple[int, int]:
    """Cuántas filas hay y un resumen de lo que dicen, sin contar de qué carga son."""
    columns = "venta_id, fecha_venta, producto_id, tienda_id, cantidad, precio_unitario, canal, _line"
    text = f"SELECT count(*), coalesce(sum(hashtextextended(ROW({columns})::text, 0)), 0)::text FROM datos.ventas"
    found: list[tuple[int, int]] = query(settings, text)
    return found[0]


def check_runs_again(settings: Settings, loading: Loader) -> None:
    """I3 e I5: repetir deja la tabla entera, y repetir otra vez no la cambia."""
    assert loading.run() == 0
    check_invariants(settings)
    first = content(settings)
    assert first[0] == LOADED
    assert statuses(settings).count("loaded") == 1
    assert loading.run() == 0
    assert content(settings) == first


def finish(settings: Settings) -> None:
    """Lo mismo, con un cargador para la ocasión."""
    with loader(settings) as loading:
        check_runs_again(settings, loading)


def forget(settings: Settings) -> None:
    """Como si ventas.csv no se hubiera cargado nunca."""
    with connect_settings(settings) as connection:
        connection.execute("TRUNCATE datos.ventas")
        connection.execute("DELETE FROM etl.loads WHERE file = 'ventas.csv'")
        connection.execute("DELETE FROM etl.marts")  # que se hagan todos, como la primera vez
