"""Lo que vive quien clona y escribe `docker compose up`: carga, repite, para y vuelve a empezar."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from compose.conftest import Clone
from compose.stack import Stack, docker, moment

# Contadas a mano en own_sample.py: una de cada cien es mala, salvo las tiendas, que son cuarenta.
ROWS = {"clientes": 1980, "productos": 198, "tiendas": 40, "ventas": 23760}
KINDS = {16: "POSTGRES_IMAGE", 18: "POSTGRES18_IMAGE"}


@pytest.fixture(params=(16, 18), ids="pg{}".format)
def versioned(
    request: pytest.FixtureRequest,
    make_stack: Callable[..., Stack],
    images: dict[str, str],
    clone: Clone,
    tmp_path: Path,
) -> tuple[Stack, int]:
    """Un stack sin estrenar con cada versión de PostgreSQL, elegida con una sola variable."""
    image = images.get(KINDS[request.param])
    environment = {"POSTGRES_IMAGE": image} if image else {}
    return make_stack(clone(tmp_path / "clon"), environment=environment), request.param


def test_psql_of_the_lesson_needs_no_database(stack: Stack) -> None:
    """La orden de la 7.1.7, tal cual: entra en la base de datos del curso y no busca la de «alumno»."""
    asked = ("psql", "-U", "alumno", "-At", "-c", "SELECT current_database()")
    assert stack.compose("exec", "-T", "postgres", *asked).stdout.strip() == "curso_bigdata"


def counts(stack: Stack) -> dict[str, int]:
    return {table: stack.number(f"SELECT count(*) FROM {table}") for table in ROWS}


def statuses(stack: Stack) -> set[str]:
    """Carga otra vez, con --json, y dice qué fue de los archivos."""
    document = json.loads(stack.run("etl", "run", "--json").stdout)
    return {file["status"] for file in document["files"]}


def test_a_fresh_clone_loads_everything_and_keeps_it(
    versioned: tuple[Stack, int], record_property: Callable[[str, object], None]
) -> None:
    stack, version = versioned
    assert not (stack.folder / ".env").exists()

    unnamed = set(docker("volume", "ls", "--quiet").split())
    started = datetime.now(UTC)
    assert stack.up() == 0, stack.logs("app_etl")
    # El clon solo lo puede leer su dueño, y aun así no hubo que repetir nada.
    assert stack.folder.stat().st_mode & 0o077 == 0
    assert stack.inspect("postgres")["RestartCount"] == 0
    seconds = (moment(stack.inspect("app_etl")["State"]["FinishedAt"]) - started).total_seconds()
    record_property("seconds_from_up_to_exit", seconds)
    print(f"De «up» al final de app_etl con PostgreSQL {version}: {seconds:.1f} s")
    assert stack.query("SHOW server_version")[0][0].startswith(f"{version}.")
    assert counts(stack) == ROWS
    assert stack.number("SELECT count(*) FROM marts.ventas_mensuales") > 0

    # La segunda vez no hay nada que hacer.
    assert stack.up() == 0
    assert stack.number("SELECT count(*) FROM etl.loads WHERE status = 'loaded'") == 15
    assert statuses(stack) == {"skipped"}

    # `down` conserva el volumen.
    stack.compose("down")
    assert stack.up() == 0
    assert counts(stack) == ROWS
    assert statuses(stack) == {"skipped"}
    # Y no deja ningún otro: la imagen declara uno sin nombre, que aquí no se crea.
    assert set(docker("volume", "ls", "--quiet").split()) - unnamed == {f"{stack.name}_pgdata"}

    # `down -v` lo borra: todo se carga de nuevo.
    stack.compose("down", "--volumes")
    assert f"{stack.name}_pgdata" not in docker("volume", "ls", "--format", "{{.Name}}").split()
    began = time.time()
    assert stack.up() == 0
    assert counts(stack) == ROWS
    first_load = stack.query("SELECT extract(epoch FROM min(started_at)) FROM etl.loads")[0][0]
    assert float(first_load) > began - 1
