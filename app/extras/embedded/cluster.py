"""Crea la carpeta de datos del servidor embebido, una sola vez.

Entra dónde y con qué superusuario; sale `.local/pg16` (o un enlace a ella, ver `account.py`),
lista para `process.start`.
"""

import platform
import tempfile
from pathlib import Path

from extras.embedded import account, programs
from extras.embedded.process import HOST

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


def create(local_dir: Path, version: int, user: str, password: str) -> None:
    """Hace la carpeta de datos aparte y la pone en su sitio al final: o está entera o no está."""
    who = account.for_new_data()
    home = account.folder_for(local_dir.resolve(), who)
    with tempfile.TemporaryDirectory(dir=home, prefix=f"pg{version}.", suffix=".new") as folder:
        account.give(Path(folder), who)
        data, password_file = Path(folder) / "data", Path(folder) / "password"
        password_file.write_text(password, encoding="utf-8")
        account.give(password_file, who)
        programs.run(version, who, Path(folder), "initdb", *_initdb_options(version, user, data))
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
    return {"Linux": ["--locale=C.UTF-8"], "Darwin": ["--locale=C", "--lc-ctype=UTF-8"]}.get(
        platform.system(), ["--locale=C"]
    )
