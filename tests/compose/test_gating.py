"""Nadie empieza antes de tiempo: ni con un servidor lento ni durante la fase de inicialización."""

import time

from compose.stack import Stack, docker, moment, wait_until

# Un archivo más de Compose, solo para la prueba, que retrasa el arranque de PostgreSQL.
SLOW_START = """
services:
  postgres:
    entrypoint: ["sh", "-c", "sleep 6 && exec docker-entrypoint.sh postgres"]
    command: []
"""
SLOW_INIT = """
services:
  postgres:
    volumes:
      - ./00-lento.sh:/docker-entrypoint-initdb.d/00-lento.sh:ro
"""


def test_the_loader_waits_for_a_slow_server(fresh: Stack) -> None:
    (fresh.folder / "lento.yml").write_text(SLOW_START, encoding="utf-8")
    fresh.files = ("docker-compose.yml", "docker-compose.override.yml", "lento.yml")
    assert fresh.up() == 0
    begun = moment(fresh.inspect("migrate")["State"]["StartedAt"])
    assert (begun - moment(fresh.inspect("postgres")["State"]["StartedAt"])).total_seconds() > 6
    assert fresh.number("SELECT count(*) FROM ventas") > 0


def test_nothing_starts_during_the_initialization_phase(fresh: Stack) -> None:
    """En esa fase el servidor contesta por el socket y no por TCP: un healthcheck sin -h pasaría."""
    (fresh.folder / "00-lento.sh").write_text("sleep 8\n", encoding="utf-8")
    (fresh.folder / "lento.yml").write_text(SLOW_INIT, encoding="utf-8")
    fresh.files = ("docker-compose.yml", "docker-compose.override.yml", "lento.yml")
    fresh.compose("up", "--no-build", "--no-start")
    fresh.compose("up", "--detach", "--no-build", "postgres")
    postgres = fresh.container("postgres")

    def answers(*options: str) -> bool:
        asked = ("exec", "-T", "postgres", "pg_isready", "-q", "-U", "alumno", *options)
        return fresh.compose(*asked, check=False).returncode == 0

    wait_until(answers, 10, "PostgreSQL contesta por el socket")
    for _ in range(3):
        assert answers(), "la fase de inicialización acabó antes de poder mirarla"
        assert not answers("-h", "127.0.0.1")
        assert docker("inspect", "-f", "{{.State.Health.Status}}", postgres) == "starting"
        time.sleep(1)

    assert fresh.up() == 0
    assert fresh.number("SELECT count(*) FROM ventas") > 0
