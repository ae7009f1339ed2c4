"""La configuración: el único módulo que mira el entorno y el archivo `.env`.

Sale un `Settings`, que se pasa a quien lo necesite. Las contraseñas pueden venir en un archivo:
`DB_PASSWORD_FILE` apunta a un secreto de Docker y manda sobre `DB_PASSWORD`.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from etl.errors import UsageError
from etl.extract.source import marked_encoding

# La carpeta del repositorio; en la imagen, donde el código está en /app, es la raíz.
ROOT = Path(__file__).resolve().parents[2]
# Un Codespace también es un contenedor, pero en él el código no está en /app y sí hay Docker.
IN_IMAGE = Path("/") == ROOT


def _from(variable: str, default: Any, *, secret: bool = False) -> Any:
    """Un ajuste que se lee de una variable; el valor de un secreto no se enseña, y puede venir en un archivo."""
    return field(default=default, repr=not secret, metadata={"variable": variable})


@dataclass(frozen=True)
class Settings:
    """Todo lo que se puede cambiar desde fuera. Los tiempos, en segundos."""

    # Sin DB_HOST se usa un PostgreSQL propio, en `local_dir`.
    db_host: str | None = _from("DB_HOST", None)
    db_port: int = _from("DB_PORT", 5432)
    db_user: str = _from("DB_USER", "alumno")
    db_password: str = _from("DB_PASSWORD", "bigdata2026", secret=True)
    db_name: str = _from("DB_NAME", "curso_bigdata")
    # Las contraseñas que `etl migrate` da a los usuarios de la base de datos.
    loader_password: str = _from("ETL_LOADER_PASSWORD", "cargador2026", secret=True)
    reader_password: str = _from("LECTOR_PASSWORD", "lector2026", secret=True)
    datos_dir: Path = _from("DATOS_DIR", ROOT / "datos")
    sql_dir: Path = _from("SQL_DIR", ROOT / "sql")
    local_dir: Path = _from("ETL_LOCAL_DIR", ROOT / ".local")
    # El servidor embebido; para Python 3.15 solo hay la 18 (extras/embedded/programs.py).
    pg_version: int = _from("PG_VERSION", 16 if sys.version_info < (3, 15) else 18)
    # Cuánto se insiste mientras el servidor arranca o vuelve a arrancar.
    connect_seconds: float = _from("DB_CONNECT_SECONDS", 30.0)
    # Cuánto se espera a que otro prepare la base de datos: donde nada arranca en orden (Swarm, Kubernetes).
    migration_seconds: float = _from("DB_MIGRATION_SECONDS", 0.0)
    # Cuánto se espera por una tabla que tiene bloqueada otra sesión.
    lock_seconds: float = _from("DB_LOCK_SECONDS", 10.0)
    # Cuánto puede durar una sentencia; un trozo de COPY tarda décimas.
    statement_seconds: float = _from("DB_STATEMENT_SECONDS", 300.0)
    # El clúster de Spark; sin él, `--engine spark` trabaja con los núcleos de esta máquina.
    spark_master: str | None = _from("SPARK_MASTER_URL", None)
    # El secreto que comparten los procesos del clúster; vacío, si el clúster no lo pide.
    spark_secret: str = _from("SPARK_AUTH_SECRET", "", secret=True)
    spark_conf_dir: Path = _from("SPARK_CONF_DIR", ROOT / "spark" / "conf")
    # Donde Spark apunta lo que hizo, para el servidor de historia; solo si la carpeta existe.
    spark_events_dir: Path = _from("SPARK_EVENTS_DIR", Path("/spark-events"))


def load_settings(
    environ: Mapping[str, str] = os.environ, env_file: Path = ROOT / ".env", where: Mapping[str, str] | None = None
) -> Settings:
    """Lee `.env` y el entorno (que manda). Lanza `UsageError` si un número no lo es o no se puede leer un secreto.

    `where`: dónde se corrige cada variable, si se sabe.
    """
    values = {name: value for name, value in {**dotenv_values(stream=env_text(env_file)), **environ}.items() if value}
    return Settings(**{one.name: _value(values, one, where or {}) for one in fields(Settings)})


def env_text(env_file: Path) -> StringIO:
    """Lo que dice `.env`, o nada; con «\ufffd» donde no está en UTF-8."""
    raw = env_file.read_bytes() if env_file.is_file() else b""
    # El Bloc de notas puede guardar en UTF-16 y poner delante una marca.
    text = raw.decode(marked_encoding(raw, "utf-8"), "replace").removeprefix("\ufeff")
    return StringIO(text, newline=None)


def _value(values: Mapping[str, str], one: "Field[Any]", where: Mapping[str, str]) -> Any:
    name = one.metadata["variable"]
    if not one.repr and (file := values.get(f"{name}_FILE")):
        return _secret(name, file)
    if (text := values.get(name)) is None:
        return one.default
    if isinstance(one.default, int | float):
        return type(one.default)(_number(name, text, where))
    return Path(text) if isinstance(one.default, Path) else text


def _secret(name: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise UsageError(
            f"No se puede leer {name}_FILE («{file}»): {error.strerror}.",
            "Compruebe que el secreto existe y que este usuario puede leerlo.",
        ) from error


def _number(name: str, text: str, where: Mapping[str, str]) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{name} vale «{text}» y se esperaba un número.", f"Corríjalo {where.get(name, 'en .env o en el entorno')}."
        ) from None
