#!/opt/venv/bin/python -I
"""El healthcheck de Spark: `spark-healthy master|worker|history`; código 0 si está listo para trabajar.

Un trabajador está listo cuando el maestro lo cuenta entre los vivos, no cuando arranca: así, lo que
espera a `service_healthy` encuentra un clúster que acepta trabajos.
"""

import json
import sys
from typing import Any
from urllib.request import urlopen

SECONDS = 4


def ask(url: str) -> Any:
    with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - siempre http, dentro de la red
        return json.load(answer)


def master() -> bool:
    return bool(ask("http://127.0.0.1:8080/json/")["status"] == "ALIVE")


def worker() -> bool:
    own = ask("http://127.0.0.1:8081/json/")
    known = ask(f"{own['masterwebuiurl']}/json/")["workers"]
    return any(one["id"] == own["id"] and one["state"] == "ALIVE" for one in known)


def history() -> bool:
    return isinstance(ask("http://127.0.0.1:18080/api/v1/applications?limit=1"), list)


if __name__ == "__main__":
    sys.exit(0 if {"master": master, "worker": worker, "history": history}[sys.argv[1]]() else 1)
