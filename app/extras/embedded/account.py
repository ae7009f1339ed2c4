"""Con qué cuenta corre el servidor embebido, y dónde, cuando la orden la da root.

PostgreSQL se niega a correr como root, que es lo que hay en un contenedor. Entonces el servidor
corre como el dueño de sus datos, que la primera vez es `nobody`; y si esa cuenta no puede entrar
en la carpeta del proyecto (por ejemplo, dentro de /root), datos y programas van a
/var/lib/etl-postgres, con un enlace desde `.local/`. Un usuario corriente no nota nada de esto:
la cuenta es None y todo queda en su sitio.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

OUTSIDE = Path("/var/lib/etl-postgres")
# Lo único del entorno que el servidor necesita; las contraseñas del proyecto no pasan.
ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Account:
    """Los números de un usuario y su grupo."""

    uid: int
    gid: int


def for_new_data() -> Account | None:
    """La cuenta con que se crean los datos: la propia (None) o, si somos root, `nobody`."""
    if not _is_root():
        return None
    import pwd  # no existe en Windows

    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def for_data(data: Path) -> Account | None:
    """La cuenta con que se sirven: la de su dueño, que pudo crearlos sin ser root."""
    if not _is_root():
        return None
    owner = data.stat()
    return Account(owner.st_uid, owner.st_gid)


def give(path: Path, account: Account | None) -> None:
    """Pone un archivo o carpeta a nombre de la cuenta, y solo para ella."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def folder_for(local_dir: Path, account: Account | None) -> Path:
    """Dónde van los datos: `local_dir`, o una carpeta nueva de fuera si la cuenta no entra ahí."""
    if account is None or _can_run(["ls", "-d", f"{local_dir}/."], account):
        return local_dir
    OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=OUTSIDE))
    folder.chmod(0o755)
    return folder


def programs_for(bin_dir: Path, account: Account | None) -> Path:
    """Los programas de `bin_dir`, o una copia suya (75 MB) donde la cuenta pueda ejecutarlos."""
    if account is None or _can_run([f"{bin_dir}/initdb", "--version"], account):
        return bin_dir
    # Con el paquete van sus bibliotecas: los programas las buscan en una ruta relativa.
    package = bin_dir.parents[1]
    copy = OUTSIDE / f"programas-{package.name}-{version(package.name)}"
    if not copy.exists():
        OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=OUTSIDE))
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, draft / source.name, symlinks=True)
        subprocess.run(["chmod", "-R", "u=rwX,go=rX", str(draft)], check=True)
        draft.rename(copy)
    return copy / package.name / bin_dir.relative_to(package)


def call(command: list[str], account: Account | None, folder: Path, output: IO[str]) -> int:
    """Ejecuta con la cuenta y el entorno justos; devuelve el código de salida."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment | {"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        check=False,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )
    return done.returncode


def _is_root() -> bool:
    return os.name != "nt" and os.geteuid() == 0


def _can_run(command: list[str], account: Account) -> bool:
    with tempfile.TemporaryFile("w+") as output:
        try:
            return call(command, account, Path("/"), output) == 0
        except PermissionError:
            return False
