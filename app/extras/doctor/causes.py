"""Los fallos que todo el mundo encuentra alguna vez: de un mensaje, su causa y su arreglo (`causes.toml`).

Los usan los mensajes de error (`explain`) y `etl doctor`, que mira además el resto de la máquina.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from etl.database.connection import FATAL_WORDS
from etl.reader import OWNER_SERVICE, order, program
from etl.settings import IN_IMAGE


@dataclass(frozen=True)
class Cause:
    """Una causa conocida. `signs` son trozos del mensaje que la delatan."""

    name: str
    signs: Sequence[str]
    meaning: str
    remedy: str

    @property
    def hint(self) -> str:
        return f"{self.meaning} {self.remedy}"


@cache
def known() -> dict[str, Any]:
    """Lo que dice `causes.toml`."""
    return tomllib.loads(Path(__file__).with_name("causes.toml").read_text(encoding="utf-8"))


def causes() -> list[Cause]:
    """Las causas, en su orden."""
    return [Cause(**{"signs": FATAL_WORDS["stray"], **one}) for one in known()["cause"]]


def find_cause(text: str) -> Cause | None:
    """La primera causa que encaja con un mensaje o con un registro."""
    return next((cause for cause in causes() if any(sign in text for sign in cause.signs)), None)


def explain(text: str) -> list[str]:
    """Lo que se sabe de un mensaje de error: qué hacer, y dónde mirar si no basta. Nada, si no se conoce."""
    cause = find_cause(text)
    if cause is None:
        return []
    # Fuera de la imagen, un paquete que falta es un fallo del programa, como cualquier otro.
    ours = cause.name == "code" or (cause.name == "missing_module" and not IN_IMAGE)
    return [
        "" if ours else cause.hint.replace(OWNER_SERVICE, order("migrate")),
        f"Si no basta, «{program()} doctor» mira todo lo demás.",
    ]
