"""Lo que dice una comprobación: bien, mal (con su arreglo) o no se pudo mirar."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "bad", "skip"]


@dataclass(frozen=True)
class Finding:
    """Una línea del diagnóstico. `found` es lo que se vio; `fix`, la orden o el cambio que lo arregla."""

    check: str
    state: State
    found: str
    fix: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, "ok", found)


def bad(check: str, found: str, fix: str) -> Finding:
    return Finding(check, "bad", found, fix)


def skip(check: str, found: str) -> Finding:
    return Finding(check, "skip", found)


def or_ok(wrong: Iterable[Finding], check: str, found: str) -> Iterator[Finding]:
    """Lo que esté mal o, si no hay nada, que está bien."""
    yield from list(wrong) or [ok(check, found)]
