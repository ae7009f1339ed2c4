"""Arranca, encuentra y para el servidor de una carpeta de datos.

Entra la carpeta; sale el puerto en que escucha. Aguanta lo que dejan un `kill -9`, un apagón o
un contenedor rehecho: un `postmaster.pid` que no dice la verdad.
"""

import os
import socket
import time
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil

from etl.errors import DatabaseUnavailable
from extras.embedded import account, programs

HOST = "127.0.0.1"
# Puertos entre los que se elige: por debajo de los que el sistema reparte (desde 32768 en Linux).
FIRST_PORT, PORTS = 20000, 10000
# Arrancar tarda 0,1 s; tras un apagón, lo que dure rehacer unos GB de WAL.
START_SECONDS = 300


def start(data: Path, version: int) -> int:
    """Arranca en un puerto libre y lo devuelve. Un puerto puede perderse entre mirarlo y usarlo."""
    _forget_dead_server(data)
    failure = None
    for port in _free_ports(data):
        try:
            _pg_ctl(data, version, "start", "-t", str(START_SECONDS), "-o", f"-p {port}")
        except DatabaseUnavailable as error:
            failure = error
            # Tras un `kill -9`, los procesos del servidor anterior tardan un instante en irse.
            time.sleep(0.5)
        else:
            return port
    raise failure or DatabaseUnavailable(f"No hay un puerto libre desde {FIRST_PORT}.")


def stop(data: Path, version: int) -> None:
    """Para el servidor: corta las sesiones abiertas y deja los datos limpios en el disco."""
    _pg_ctl(data, version, "stop", "-m", "fast", "-t", "60")


def running_port(data: Path) -> int | None:
    """El puerto del servidor de `data`, o None si está parado; si está arrancando, lo espera."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        lines = _pid_file(data)
        if not _is_our_server(_pid(lines), data):
            return None
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return int(lines[3])
        time.sleep(0.05)
    raise DatabaseUnavailable(f"El servidor de {data} lleva {START_SECONDS} s sin responder.")


def _free_ports(data: Path) -> Iterator[int]:
    """Hasta cinco puertos libres. El primero sale de la ruta: mientras se pueda, siempre el mismo."""
    start = zlib.crc32(str(data).encode())
    candidates = (FIRST_PORT + (start + step) % PORTS for step in range(PORTS))
    return islice(filter(_is_free, candidates), 5)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _pid_file(data: Path) -> list[str]:
    """`postmaster.pid`: 1 proceso, 4 puerto, 8 estado. Vacío si no hay."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise programs.belongs_to_someone_else(data) from error


def _pid(lines: list[str]) -> int:
    """El número de proceso, o -1 si el archivo no está o quedó a medias en un apagón."""
    return int(lines[0]) if lines and lines[0].isdigit() else -1


def _is_our_server(pid: int, data: Path) -> bool:
    """Si `pid` es un PostgreSQL que trabaja en `data`, y no otro proceso que heredó su número."""
    if not psutil.pid_exists(pid):
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        return Path(process.cwd()) == data
    except psutil.AccessDenied:
        # En un contenedor, root no ve la carpeta de un proceso de `nobody`: basta con su dueño.
        return os.name == "nt" or process.uids().real == data.stat().st_uid
    except psutil.NoSuchProcess:
        return False


def _forget_dead_server(data: Path) -> None:
    """Quita un `postmaster.pid` a medias, o cuyo número lleva ahora otro programa.

    Pasa al reiniciar la máquina o el contenedor: con un archivo así PostgreSQL no arranca.
    Si el número no es de nadie, o queda algún proceso del servidor anterior, no se toca: en esos
    casos PostgreSQL sabe lo que hay que hacer.
    """
    pid = _pid(_pid_file(data))
    if pid > 0 and not psutil.pid_exists(pid):
        return
    if not any(_is_our_server(pid, data) for pid in psutil.pids()):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _pg_ctl(data: Path, version: int, action: str, *options: str) -> None:
    who = account.for_data(data)
    log = data / "servidor.log"
    programs.run(version, who, data, "pg_ctl", action, "-w", "-D", str(data), "-l", str(log), *options)
