"""La configuración: el único módulo que mira el entorno y el archivo `.env`.

Sale un `Settings`, que se pasa a quien lo necesite. Las contraseñas pueden venir en un archivo:
`DB_PASSWORD_FILE` apunta a un secreto de Docker y manda sobre `DB_PASSWORD`.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from etl.errors import UsageError

# La carpeta del repositorio; en la imagen, donde el código está en /app, es la raíz.
ROOT = Path(__file__).resolve().parents[2]
# Un Codespace también es un contenedor, pero en él el código no está en /app y sí hay Docker.
IN_IMAGE = Path("/") == ROOT


@dataclass(frozen=True)
class Settings:
    """Todo lo que se puede cambiar desde fuera. Los tiempos, en segundos."""

    # Sin DB_HOST se usa un PostgreSQL propio, en `local_dir`.
    db_host: str | None = None
    db_port: int = 5432
    db_user: str = "alumno"
    db_password: str = field(default="bigdata2026", repr=False)
    db_name: str = "curso_bigdata"
    # Las contraseñas que `etl migrate` da a los usuarios de la base de datos.
    loader_password: str = field(default="cargador2026", repr=False)
    reader_password: str = field(default="lector2026", repr=False)
    datos_dir: Path = ROOT / "datos"
    sql_dir: Path = ROOT / "sql"
    local_dir: Path = ROOT / ".local"
    # El servidor embebido; para Python 3.15 solo hay la 18 (extras/embedded/programs.py).
    pg_version: int = 16 if sys.version_info < (3, 15) else 18
    # Cuánto se insiste mientras el servidor arranca o vuelve a arrancar.
    connect_seconds: float = 30
    # Cuánto se espera a que otro prepare la base de datos: donde nada arranca en orden (Swarm, Kubernetes).
    migration_seconds: float = 0
    # Cuánto se espera por una tabla que tiene bloqueada otra sesión.
    lock_seconds: float = 10
    # Cuánto puede durar una sentencia; un trozo de COPY tarda décimas.
    statement_seconds: float = 300
    # El clúster de Spark; sin él, `--engine spark` trabaja con los núcleos de esta máquina.
    spark_master: str | None = None
    # El secreto que comparten los procesos del clúster; vacío, si el clúster no lo pide.
    spark_secret: str = field(default="", repr=False)
    spark_conf_dir: Path = ROOT / "spark" / "conf"
    # Donde Spark apunta lo que hizo, para el servidor de historia; solo si la carpeta existe.
    spark_events_dir: Path = Path("/spark-events")


def load_settings(environ: Mapping[str, str] = os.environ, env_file: Path = ROOT / ".env") -> Settings:
    """Lee `.env` y el entorno (que manda). Lanza `UsageError` si un valor no se entiende."""
    values = {name: value for name, value in {**dotenv_values(env_file), **environ}.items() if value}
    default = Settings()

    def number(name: str, default: float) -> float:
        text = values.get(name, str(default))
        try:
            return float(text)
        except ValueError:
            line = None if environ.get(name) else env_lines(env_file).get(name)
            where = f"en .env, línea {line[0]}: {line[1]}" if line else "en el entorno"
            raise UsageError(f"{name} vale «{text}» y se esperaba un número.", f"Corríjalo {where}") from None

    return Settings(
        db_host=values.get("DB_HOST"),
        db_port=int(number("DB_PORT", default.db_port)),
        db_user=values.get("DB_USER", default.db_user),
        db_password=_secret(values, "DB_PASSWORD", default.db_password),
        db_name=values.get("DB_NAME", default.db_name),
        loader_password=_secret(values, "ETL_LOADER_PASSWORD", default.loader_password),
        reader_password=_secret(values, "LECTOR_PASSWORD", default.reader_password),
        datos_dir=Path(values.get("DATOS_DIR", default.datos_dir)),
        sql_dir=Path(values.get("SQL_DIR", default.sql_dir)),
        local_dir=Path(values.get("ETL_LOCAL_DIR", default.local_dir)),
        pg_version=int(number("PG_VERSION", default.pg_version)),
        connect_seconds=number("DB_CONNECT_SECONDS", default.connect_seconds),
        migration_seconds=number("DB_MIGRATION_SECONDS", default.migration_seconds),
        lock_seconds=number("DB_LOCK_SECONDS", default.lock_seconds),
        statement_seconds=number("DB_STATEMENT_SECONDS", default.statement_seconds),
        spark_master=values.get("SPARK_MASTER_URL"),
        spark_secret=_secret(values, "SPARK_AUTH_SECRET", default.spark_secret),
        spark_conf_dir=Path(values.get("SPARK_CONF_DIR", default.spark_conf_dir)),
        spark_events_dir=Path(values.get("SPARK_EVENTS_DIR", default.spark_events_dir)),
    )


def _secret(values: Mapping[str, str], name: str, default: str) -> str:
    file = values.get(f"{name}_FILE")
    if file is None:
        return values.get(name, default)
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise UsageError(
            f"No se puede leer {name}_FILE («{file}»): {error.strerror}.",
            "Compruebe que el secreto existe y que este usuario puede leerlo.",
        ) from error


def env_lines(env_file: Path) -> dict[str, tuple[int, str]]:
    """Cada variable de `.env` con el número y el texto de la línea que le da valor: la última que la nombra."""
    text = env_file.read_text(encoding="utf-8", errors="replace") if env_file.is_file() else ""
    lines = ((number, line.strip().removeprefix("export ")) for number, line in enumerate(text.splitlines(), 1))
    return {line.partition("=")[0].strip(): (number, line) for number, line in lines if "=" in line and line[0] != "#"}
