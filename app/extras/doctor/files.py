"""Los archivos del proyecto: `.env`, finales de línea, dueños y los datos que se rechazarían."""

import os
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values

from etl import pipeline
from etl.errors import Corrected, EtlError, FileRefused
from etl.extract.discover import discover
from etl.extract.read import read
from etl.extract.source import Source, opened
from etl.parts import Parts
from etl.reader import many
from etl.schema import Declared
from etl.settings import Settings, env_text
from extras.doctor.docker import Project
from extras.doctor.finding import Finding, bad, ok
from extras.formats.readers import EXCEL, SQLITE
from extras.settings import env_lines
from extras.undeclared.json_file import JSON
from extras.undeclared.unknown import open_unknown

PASSWORDS = ("POSTGRES_PASSWORD", "ETL_LOADER_PASSWORD", "LECTOR_PASSWORD", "JUPYTER_TOKEN")
# Lo que Compose cambia o corta en un valor sin comillas simples; entre dobles, solo $. Son adrede un ${NOMBRE} entero y
# un comentario, «# así».
CUT = re.compile(r"(?!\s*(?:'|\$\{\w+\}\s*$))\s*(\"[^\"]*(?<!\\)\$[A-Za-z_{$]|[^\"]*?(\$[A-Za-z_{$]|\s#\S))")
SECRETS = (*PASSWORDS, "PGADMIN_DB_PASSWORD", "SPARK_AUTH_SECRET")
OPEN = ("", "0.0.0.0", "::")  # noqa: S104 - son las direcciones que se buscan


def environment(root: Path, project: Project | None) -> Iterator[Finding]:
    """`.env`: nombres mal escritos y contraseñas de ejemplo con la base de datos a la vista."""
    example, mine = (dotenv_values(stream=env_text(root / name)) for name in (".env.example", ".env"))
    exposed = _exposed(project) if project else []
    same = [name for name in PASSWORDS if mine.get(name, example.get(name)) == example.get(name)]
    wrong = False
    lines = env_lines(root / ".env")
    for name in sorted(mine.keys() - example.keys()):
        close = get_close_matches(name, example.keys(), n=1, cutoff=0.8)
        if close:
            wrong = True
            told = f"nadie lee «{name}»; ¿quería decir «{close[0]}»?"
            yield bad(".env", told, f"en .env, línea {lines[name][0]}: {close[0]}=…")
    for name, (number, line, _) in lines.items():
        if name in SECRETS and CUT.match(line.partition("=")[2]):
            wrong = True
            yield bad(
                ".env",
                f"Compose no lee entera la contraseña {name}: cambia lo que sigue a $ y corta en « #»",
                f"póngala entre comillas simples, en .env, línea {number}: {name}='…'",
            )
    if exposed and same:
        wrong = True
        yield bad(
            ".env",
            f"{', '.join(exposed)} se ve desde otras máquinas con las contraseñas de ejemplo",
            f"cambie {', '.join(same)} en .env, o publique el puerto solo en 127.0.0.1",
        )
    if not wrong:
        what = "no hay: valen los valores por omisión" if not (root / ".env").exists() else "se entiende entero"
        yield ok(".env", what + ("; contraseñas de ejemplo, solo visibles desde esta máquina" if same else ""))


def misunderstood(root: Path, error: str) -> str | None:
    """La línea de `.env` de la que habla Compose, que dice el valor que no entiende y no de qué variable es."""
    for name, (number, line, _) in env_lines(root / ".env").items():
        value = line.partition("=")[2].strip(" '\"")
        if name not in SECRETS and value and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", error):
            return f"corrija en .env la línea {number}: {line}"
    return None


def _exposed(project: Project) -> list[str]:
    return [
        f"{name} ({port.get('published')})"
        for name, service in project.services.items()
        for port in service.get("ports", [])
        if str(port.get("host_ip") or "") in OPEN
    ]


def line_ends(root: Path) -> Finding:
    """Guiones y SQL que corren dentro de contenedores: con finales de Windows fallan sin decir por qué."""
    candidates = [*root.glob("docker/**/*.sh"), *root.glob("sql/*.sql"), root / "Dockerfile", root / ".env"]
    wrong = [
        path.relative_to(root).as_posix() for path in candidates if path.is_file() and b"\r\n" in path.read_bytes()
    ]
    if wrong:
        return bad("finales de línea", f"de Windows en {', '.join(wrong)}", f"sed -i 's/\\r$//' {' '.join(wrong)}")
    return ok("finales de línea", "los guiones tienen los de Linux")


def output_folder(settings: Settings, project: Project | None) -> Finding:
    """Si quien ejecuta el pipeline puede escribir en `datos/salida`."""
    folder = settings.datos_dir / "salida"
    if not folder.is_dir():
        return bad("datos/salida", "no existe", f"mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        return bad("datos/salida", f"el usuario {os.getuid()} no puede escribir", _own(os.getuid(), os.getgid()))
    # En Windows y macOS, Docker Desktop traduce los dueños: no hay nada que mirar.
    if project and sys.platform == "linux":
        user = str(project.services.get("app_etl", {}).get("user", "")).split(":")[0]
        status = folder.stat()
        if user.isdigit() and int(user) not in (0, status.st_uid) and not status.st_mode & 0o002:
            return _container_cannot_write(folder, int(user), status.st_uid)
    return ok("datos/salida", "se puede escribir")


def _container_cannot_write(folder: Path, user: int, owner: int) -> Finding:
    found = f"es del usuario {owner} y el contenedor corre como {user}: no podrá escribir"
    if owner == 0:
        return bad("datos/salida", found, _own(user, user))
    return bad("datos/salida", found, f"ponga ETL_UID={owner} y ETL_GID={folder.stat().st_gid} en .env")


def _own(user: int, group: int) -> str:
    """La orden, para la máquina: dentro de un contenedor la carpeta se llama de otra forma."""
    return f"sudo chown -R {user}:{group} datos/salida"


def data_files(settings: Settings, tables: list[Declared], parts: Parts) -> Iterator[Finding]:
    """Los archivos de `datos/` que se rechazarían enteros: se abren y se mira su cabecera, sin cargar nada."""
    try:
        pairs = pipeline.in_load_order(discover([], settings.datos_dir, parts.members, tables), tables)
    except EtlError as error:
        yield bad("datos", error.message, error.hint)
        return
    refused = 0
    for source, declared in pairs:
        refusal = _refusal(source, declared, parts)
        if refusal:
            refused += 1
            yield bad("datos", f"{source.name} se rechazaría: {refusal.message}", refusal.hint)
    if not pairs:
        yield bad("datos", f"no hay archivos en {settings.datos_dir}", "copie ahí los suyos")
    elif not refused:
        yield ok("datos", f"{many(len(pairs), 'archivo')}; de ninguno se rechazaría su forma")


def _refusal(source: Source, declared: Declared | None, parts: Parts) -> FileRefused | None:
    try:
        with opened(source) as file:
            if declared is None and source.suffix in (*JSON, *EXCEL, *SQLITE):  # habría que leerlos enteros
                return FileRefused("Está vacío.", "Quítelo o cópielo de nuevo.") if file.size == 0 else None
            with read(source, file, declared, parts.reading) if declared else open_unknown(source, file):
                pass
    except FileRefused as error:
        return error
    except Corrected:  # una cuarentena
        pass
    return None
