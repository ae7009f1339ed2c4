"""Lo que dice una comprobación: bien, mal (con su arreglo) o no se pudo mirar."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "bad", "skip"]


@dataclass(frozen=True)
class Finding:
    """Una línea del diagnóstico. `found` es lo que se vio; `fix`, la orden o el cambio que lo arregla."""

    check: str
    state: State
    found: str
    fix: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def ok(check: str, found: str) -> Finding:
    return Finding(check, "ok", found)


def bad(check: str, found: str, fix: str) -> Finding:
    return Finding(check, "bad", found, fix)


def skip(check: str, found: str) -> Finding:
    return Finding(check, "skip", found)
