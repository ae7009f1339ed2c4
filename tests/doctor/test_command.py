"""`etl doctor` como se escribe, en una máquina sin Docker: lo que enseña y el código con que termina."""

import json
import subprocess
import sys

import pytest

import loader
from etl.settings import Settings
from support import connect_settings, execute

HEADER = "cliente_id,nif,nombre,email,provincia,codigo_postal,fecha_alta,fecha_nacimiento\n"


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Sin más programas que este Python; la base de datos, ya preparada, y un archivo que se puede cargar."""
    (settings.datos_dir / "salida").mkdir()
    (settings.datos_dir / "clientes.csv").write_text(HEADER, encoding="utf-8")
    return loader.environment(settings, PATH="/no/hay/nada")


def doctor(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wiring", "doctor", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_without_docker_everything_else_is_looked_at(environment: dict[str, str]) -> None:
    done = doctor(environment)
    assert done.returncode == 0, done.stdout
    marks = {line[2:].split("  ")[0].strip(): line[0] for line in done.stdout.splitlines() if line[1:2] == " "}
    assert marks == {
        "docker": "–", "disco": "✔", ".env": "✔", "finales de línea": "✔",
        "conexión": "✔", "migraciones": "✔", "datos/salida": "✔", "datos": "✔",
    }  # fmt: skip
    assert done.stdout.endswith("\nTodo en orden.\n")


def test_what_is_wrong_comes_with_its_remedy_and_code_1(environment: dict[str, str], settings: Settings) -> None:
    (settings.datos_dir / "ventas_01.csv").write_bytes(b"")
    done = doctor(environment, "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["ok"] is False
    [wrong] = [finding for finding in answer["findings"] if finding["state"] == "bad"]
    assert wrong["check"] == "datos"
    assert wrong["found"].startswith("ventas_01.csv se rechazaría")
    assert wrong["fix"]


def test_migrations_that_were_not_applied(environment: dict[str, str], settings: Settings) -> None:
    from support import ServerAddress

    address = ServerAddress(
        str(settings.db_host), settings.db_port, settings.db_user, settings.db_password, settings.db_name
    )
    execute(address, "UPDATE etl.alembic_version SET version_num = '0001'")
    done = doctor(environment)
    assert done.returncode == 1
    assert "las tablas están en la versión 0001 y el código espera la " in done.stdout
    assert "  → etl migrate" in done.stdout
    assert done.stdout.endswith("\nUna cosa por arreglar.\n")


def test_a_migration_applied_here_whose_file_is_gone(environment: dict[str, str], settings: Settings) -> None:

    with connect_settings(settings) as connection:
        connection.execute("UPDATE etl.alembic_version SET version_num = '0009'")
    done = doctor(environment)
    assert done.returncode == 1
    assert "La migración «0009» está aplicada en la base de datos, pero falta su archivo" in done.stdout
    assert "etl revision" in done.stdout
