"""Prepara .venv con las versiones exactas de un candado: `python requirements/install.py local`.

Entra el nombre de un candado de esta carpeta (local, dev, spark-4.3...); sale .venv con sus paquetes
y con `etl` instalado. Lo llama el Makefile cuando el candado cambió; sin make también funciona.
Dos a la vez se esperan. Solo usa la biblioteca estándar y sintaxis antigua: un Python viejo
tiene que poder leer este archivo entero para decir que lo es. Uno demasiado nuevo también lo dice,
antes de que pip busque paquetes que todavía no existen para él, y qué orden usa otro.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# El primero y el último con los que hay paquetes para todo.
OLDEST, NEWEST = (3, 11), (3, 15)
# Los guiones de .venv llevan dentro la ruta del proyecto: si la carpeta se movió, no sirven.
HOME = VENV / "ruta"


def main(lock):
    if not OLDEST <= tuple(sys.version_info[:2]) <= NEWEST:
        said = "Hace falta Python de 3.11 a 3.15 y este es el {}.{} ({}): {}."
        return said.format(*sys.version_info[:2], sys.executable, another())
    with (ROOT / ".venv.lock").open("w") as guard:
        wait_for(guard)
        if not is_ready(lock):
            install(lock)
    return None


def another():
    """La orden que usa un Python que vale: uno de esta máquina o, si no hay, uno que se puede instalar."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = "python3.{}".format(minor)
        # El de pyenv puede estar en el PATH y no arrancar.
        if (
            shutil.which(name)
            and not subprocess.run([name, "-c", ""], stderr=subprocess.DEVNULL, check=False).returncode
        ):
            return "use el {} de esta máquina, make run PYTHON={}".format(name[6:], name)
    return "instale el 3.14 (https://www.python.org/downloads/) y repita con él, make run PYTHON=python3.14"


def wait_for(guard):
    """Un solo proceso prepara .venv; los demás esperan. El sistema suelta el cerrojo si muere."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(guard.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(guard, fcntl.LOCK_EX)


def is_ready(lock):
    ready, wanted = VENV / ("listo-" + lock), ROOT / "requirements" / (lock + ".txt")
    newest = max(wanted.stat().st_mtime, (ROOT / "pyproject.toml").stat().st_mtime)
    return in_place() and ready.exists() and ready.stat().st_mtime >= newest


def in_place():
    return VENV_PYTHON.exists() and HOME.exists() and HOME.read_text(encoding="utf-8") == str(ROOT)


def install(lock):
    say("Preparando .venv (requirements/{}.txt); la primera vez hay que descargar...".format(lock))
    # --no-build-isolation: lo poco que se construye (este paquete, PySpark) usa el setuptools
    # de build.txt, y no uno cualquiera bajado en ese momento.
    hashed = ["--require-hashes", "--no-build-isolation"]
    if not in_place():
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])
        pip([*hashed, "-r", "requirements/build.txt"])
        HOME.write_text(str(ROOT), encoding="utf-8")
    pip([*hashed, "-r", "requirements/{}.txt".format(lock)])
    pip(["--no-build-isolation", "--no-deps", "--editable", "."])
    (VENV / ("listo-" + lock)).touch()


def pip(arguments):
    command = [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    run(command + arguments)


def run(command):
    done = subprocess.run(command, cwd=str(ROOT), check=False)
    if done.returncode:
        say("No se pudo preparar .venv; falló: " + " ".join(command))
        sys.exit(done.returncode)


def say(message):
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "local"))
    except KeyboardInterrupt:
        say("Interrumpido: repita la orden y seguirá.")
        sys.exit(130)
