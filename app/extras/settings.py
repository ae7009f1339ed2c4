"""Lee la configuración con cuidado: de lo que no se entiende en `.env` se dice su línea.

Y decide qué PostgreSQL se usa: el de `DB_HOST` o, sin él, uno propio en `.local/`.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from etl import settings as core
from etl.errors import UsageError
from etl.settings import ROOT, Settings, env_text

# Lo que queda donde había bytes que no son UTF-8.
UNKNOWN = "\ufffd"


def live_settings() -> Settings:
    """La configuración, con un servidor en marcha."""
    return with_server(load_settings())


def with_server(settings: Settings) -> Settings:
    """La misma configuración, con la dirección de un servidor en marcha."""
    if settings.db_host:
        return settings
    from extras.embedded.lifecycle import ensure_running  # es opcional: la imagen de Docker no lo lleva

    return ensure_running(settings)


def load_settings(environ: Mapping[str, str] = os.environ, env_file: Path = ROOT / ".env") -> Settings:
    """Como la del núcleo. Lanza `UsageError` si una línea de `.env` no se entiende."""
    lines = env_lines(env_file)
    for name, (number, _, understood) in lines.items():
        if not understood:  # se dice cuál es, y no lo que vale
            raise UsageError(
                f"No se entiende lo que vale «{name}»: ¿le falta cerrar unas comillas, o no está en UTF-8?",
                f"Corríjalo en .env, línea {number}.",
            )
    mine = {name: f"en .env, línea {number}: «{line}»" for name, (number, line, _) in lines.items()}
    return core.load_settings(environ, env_file, mine | {name: "en el entorno" for name in environ if environ[name]})


def env_lines(env_file: Path) -> dict[str, tuple[int, str, bool]]:
    """Cada variable de `.env`: el número y el texto de la línea que le da valor, la última, y si se entiende."""
    lines: dict[str, tuple[int, str, bool]] = {}
    for one in parse_stream(env_text(env_file)):
        text = one.original.string.strip().removeprefix("export ")
        if one.key or one.error:
            number = one.original.line + one.original.string.partition(text)[0].count("\n")
            understood = not one.error and UNKNOWN not in (one.value or "")
            lines[one.key or text.partition("=")[0].strip()] = number, text, understood
    return lines
