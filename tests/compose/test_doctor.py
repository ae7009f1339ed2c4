"""Los seis errores de la lección (7.1.8), provocados de verdad, y lo que `etl doctor` dice de cada uno."""

import json
import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from compose.stack import OVERRIDE, Stack, docker, strict, wait_until

BASE = "docker-compose.yml"
Findings = list[dict[str, Any]]


def examine(stack: Stack, **changed: str) -> Findings:
    """El diagnóstico hecho desde la máquina, en la carpeta del stack y con su entorno."""
    address = {"DB_HOST": "localhost", "DB_PORT": stack.environment["POSTGRES_PORT"]}
    done = subprocess.run(
        [sys.executable, "-m", "wiring", "doctor", "--json"],
        cwd=stack.folder,
        env={**os.environ, **address, **stack.environment, **changed, "PYTHONPATH": str(stack.folder / "app")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["ok"] else 1)
    found: Findings = answer["findings"]
    return found


def wrong(findings: Findings, check: str) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["check"] == check and finding["state"] == "bad"]


def override(stack: Stack, text: str) -> None:
    """Un archivo más de Compose, como el que escribiría quien se equivoca."""
    (stack.folder / "error.yml").write_text(text, encoding="utf-8")
    stack.files = (BASE, OVERRIDE, "error.yml")
    stack.environment["COMPOSE_FILE"] = ":".join(stack.files)


def test_a_healthy_stack_has_nothing_to_mend(stack: Stack) -> None:
    findings = examine(stack)
    assert [finding for finding in findings if finding["state"] == "bad"] == []
    seen = {finding["check"] for finding in findings if finding["state"] == "ok"}
    assert seen >= {
        "docker", "compose", "memoria", "disco", ".env", "puertos", "contenedores", "red", "depends_on",
        "volumen", "contraseña", "imagen", "conexión", "migraciones", "datos/salida", "datos",
    }  # fmt: skip


def test_beside_a_loaded_stack_the_own_database_is_not_asked_to_be_ready(stack: Stack) -> None:
    findings = examine(stack, DB_HOST="")
    assert [finding for finding in findings if finding["state"] == "bad"] == []
    [finding] = [finding for finding in findings if finding["check"] == "conexión"]
    assert "DB_HOST=localhost" in finding["found"]


def test_3_a_network_of_that_name_made_by_somebody_else(fresh: Stack) -> None:
    docker("network", "create", fresh.name)
    said = fresh.compose("up", "--detach", "--no-build", "postgres", check=False)
    assert "incorrect label" in said.stderr
    [finding] = wrong(examine(fresh), "red")
    docker(*finding["fix"].split("   ")[0].split()[1:])
    assert wrong(examine(fresh), "red") == []


def test_inside_the_container_it_looks_at_what_can_be_seen_from_there(stack: Stack) -> None:
    done = stack.run("etl", "doctor", "--json")
    findings = json.loads(done.stdout)["findings"]
    assert {finding["check"]: finding["state"] for finding in findings} == {
        "conexión": "ok", "migraciones": "ok", "datos/salida": "ok", "datos": "ok",
    }  # fmt: skip


def test_1_a_taken_port_is_named_with_its_owner_and_a_free_one(fresh: Stack) -> None:
    port = fresh.environment["POSTGRES_PORT"]
    with socket.create_server(("127.0.0.1", int(port))):
        assert fresh.compose("up", "--detach", "--no-build", check=False).returncode != 0
        findings = examine(fresh)
        [finding] = wrong(findings, "puertos")
        assert f"el {port}, que necesita postgres, lo usa «" in finding["found"]
        assert f"(proceso {os.getpid()})" in finding["found"]
        [container] = wrong(findings, "contenedores")
        assert "no pudo empezar: El puerto de esta máquina ya lo usa otro programa" in container["found"]
        # El arreglo, tal como lo escribe.
        name, _, free = finding["fix"].split()[1].partition("=")
        fresh.environment[name] = free
        assert fresh.up() == 0
    assert not [finding for finding in examine(fresh) if finding["state"] == "bad"]


def test_1_a_port_taken_by_another_container_says_which(fresh: Stack, stack: Stack) -> None:
    port = stack.environment["POSTGRES_PORT"]
    fresh.environment["POSTGRES_PORT"] = port
    [finding] = wrong(examine(fresh), "puertos")
    assert f"el contenedor «{stack.name}_postgres»" in finding["found"]


def test_2_a_container_that_died_is_explained_by_its_log(fresh: Stack) -> None:
    program = fresh.folder / "app" / "etl_pipeline.py"
    program.write_text("import no_existe\n", encoding="utf-8")
    assert fresh.up() == 1
    [finding] = wrong(examine(fresh), "contenedores")
    assert finding["found"].startswith("app_etl terminó con el código 1 (error del programa)")
    assert "le falta un paquete" in finding["found"]
    assert finding["fix"] == "Constrúyala de nuevo: docker compose build"


def test_2_without_a_known_cause_it_shows_the_last_words(fresh: Stack) -> None:
    program = fresh.folder / "app" / "etl_pipeline.py"
    program.write_text("import sys\nsys.exit('se me olvidó algo')\n", encoding="utf-8")
    assert fresh.up() == 1
    [finding] = wrong(examine(fresh), "contenedores")
    assert "lo último que dijo: se me olvidó algo" in finding["found"]
    assert finding["fix"] == "docker compose logs app_etl"


def test_3_localhost_inside_a_container(fresh: Stack) -> None:
    fresh.compose("up", "--detach", "--no-build", "--wait", "postgres")
    done = fresh.compose(
        "run", "--rm", "-T", "-e", "DB_HOST=localhost", "app_etl", "etl", "doctor", "--json", check=False
    )
    assert done.returncode == 1
    [finding] = wrong(json.loads(done.stdout)["findings"], "conexión")
    assert "dentro de un contenedor es él mismo" in finding["found"]
    assert finding["fix"].startswith("DB_HOST=postgres")

    # El propio programa, sin el diagnóstico: causa y pista.
    done = fresh.compose(
        "run", "--rm", "-T", "-e", "DB_HOST=localhost", "-e", "DB_CONNECT_SECONDS=1", "app_etl", "etl", "run",
        check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "En esa dirección no escucha nadie: dentro de un contenedor es él mismo" in done.stderr
    assert done.stderr.rstrip().endswith("«docker compose run --rm app_etl doctor» mira todo lo demás.")


def test_3_localhost_written_in_the_compose_file(fresh: Stack) -> None:
    override(fresh, "services:\n  app_etl:\n    environment:\n      DB_HOST: localhost\n")
    [finding] = wrong(examine(fresh), "red")
    assert "app_etl busca la base de datos en «localhost»" in finding["found"]
    assert finding["fix"] == "en app_etl, DB_HOST: postgres"


def test_3_a_server_that_is_stopped(fresh: Stack) -> None:
    assert fresh.up() == 0
    fresh.compose("stop", "postgres")
    [finding] = wrong(examine(fresh), "conexión")
    assert "En esa dirección no escucha nadie" in finding["fix"]
    assert "docker compose up -d --wait postgres" in finding["fix"]


def test_3_two_services_without_a_common_network(fresh: Stack) -> None:
    override(
        fresh,
        "services:\n  app_etl:\n    networks: !override [aparte]\n    environment: {DB_CONNECT_SECONDS: 1}\n"
        "networks:\n  aparte:\n",
    )
    assert fresh.up() == 4
    findings = examine(fresh)
    [network] = wrong(findings, "red")
    assert "app_etl y postgres no están en la misma red" in network["found"]
    assert "red_bigdata" in network["fix"]
    [container] = wrong(findings, "contenedores")
    assert "Ese nombre de servidor no existe aquí" in container["found"]


def test_4_depends_on_without_a_condition(fresh: Stack) -> None:
    override(fresh, "services:\n  migrate:\n    depends_on: !override [postgres]\n")
    [finding] = wrong(examine(fresh), "depends_on")
    assert finding["found"] == "migrate no espera a que postgres esté listo, solo a que arranque"
    assert finding["fix"] == "en migrate, depends_on: {postgres: {condition: service_healthy}}"


def test_5_a_database_without_a_volume_loses_its_data_and_it_was_foreseen(fresh: Stack) -> None:
    override(fresh, "services:\n  postgres:\n    read_only: false\n    volumes: !override []\n")
    [finding] = wrong(examine(fresh), "volumen")
    assert "se pierden al recrearlo" in finding["found"]
    assert fresh.up() == 0
    assert fresh.number("SELECT count(*) FROM ventas") > 0
    fresh.compose("down")
    fresh.compose("up", "--detach", "--no-build", "--wait", "postgres")
    assert fresh.query("SELECT to_regclass('datos.ventas')") == [] or fresh.query(
        "SELECT to_regclass('datos.ventas')"
    ) == [[""]]


def test_5_the_data_of_a_folder_that_changed_its_name_are_found(fresh: Stack) -> None:
    assert fresh.up() == 0
    fresh.compose("down")
    fresh.environment["COMPOSE_PROJECT_NAME"] = f"{fresh.name}nueva"
    found = wrong(examine(fresh), "volumen")
    fresh.environment["COMPOSE_PROJECT_NAME"] = fresh.name
    [finding] = found
    # En esta máquina puede haber más de uno abandonado (otra prueba, a la vez): se nombran todos.
    assert f"«{fresh.name}»" in finding["found"]
    # Puede ser de otro, o ser justo lo que se busca: se dice cómo usarlo y cómo no tocarlo.
    names = (
        finding["fix"]
        .removeprefix("si es eso, ")
        .removesuffix(" en .env; si no, docker compose up -d crea el suyo aparte")
    )
    assert f"COMPOSE_PROJECT_NAME={fresh.name}" in names.split(" o ")


def test_5_of_several_forsaken_volumes_all_are_named(fresh: Stack) -> None:
    olds = [f"{fresh.name}vieja", f"{fresh.name}antigua"]
    for old in olds:
        docker("volume", "create", "--label", "com.docker.compose.volume=pgdata", f"{old}_pgdata")
    try:
        [finding] = wrong(examine(fresh), "volumen")
    finally:
        docker("volume", "rm", *(f"{old}_pgdata" for old in olds))
    assert all(f"«{old}»" in finding["found"] and f"COMPOSE_PROJECT_NAME={old}" in finding["fix"] for old in olds)


def test_5_the_volume_of_another_copy_of_the_project_is_not_ours(stack: Stack, fresh: Stack) -> None:
    """`stack` tiene el suyo, y su carpeta sigue ahí: nadie le cambió el nombre."""
    assert f"{stack.name}_pgdata" in docker("volume", "ls", "--quiet").split()
    findings = [one for one in examine(fresh) if one["check"] == "volumen"]
    assert f"{stack.name}_pgdata" not in json.dumps(findings)


def test_5_a_password_changed_after_the_volume_was_made(fresh: Stack) -> None:
    assert fresh.up() == 0
    fresh.environment["POSTGRES_PASSWORD"] = "otra-distinta"
    assert fresh.compose("up", "--detach", "--no-build", check=False).returncode != 0
    findings = examine(fresh)
    [finding] = wrong(findings, "contraseña")
    assert "el volumen guarda otra contraseña de «alumno»" in finding["found"]
    assert finding["fix"].endswith("psql -U alumno -d curso_bigdata -c '\\password'")
    assert any("La contraseña no es la que guarda" in one["found"] for one in wrong(findings, "contenedores"))
    # El arreglo: la misma orden, con la contraseña escrita en lugar de preguntada.
    fresh.query("ALTER ROLE alumno PASSWORD 'otra-distinta'")
    fresh.up()
    assert wrong(examine(fresh), "contraseña") == []


def test_5_a_volume_made_by_another_version(fresh: Stack, images: dict[str, str]) -> None:
    fresh.compose("up", "--detach", "--no-build", "--wait", "postgres")
    fresh.environment["POSTGRES_IMAGE"] = images["POSTGRES18_IMAGE"]
    fresh.compose("up", "--detach", "--no-build", "postgres")
    # Docker lo levanta una y otra vez: hay que mirar hasta verlo caído.
    [finding] = wait_until(lambda: wrong(examine(fresh), "contenedores"), 120, "postgres 18 no arranca")
    assert "El volumen lo creó otra versión de PostgreSQL" in finding["found"]
    assert "docs/produccion.md" in finding["fix"]


def test_6_an_image_older_than_its_dockerfile(fresh: Stack) -> None:
    fresh.environment["ETL_IMAGE"] = "etl-local/app:doctor"
    fresh.compose("build", timeout=900)
    assert fresh.up() == 0
    assert wrong(examine(fresh), "imagen") == []
    recipe = fresh.folder / "Dockerfile"
    recipe.write_text(recipe.read_text(encoding="utf-8") + "\n# un cambio\n", encoding="utf-8")
    [finding] = wrong(examine(fresh), "imagen")
    assert "se construyó antes de cambiar Dockerfile" in finding["found"]
    fresh.compose("build", timeout=900)
    [finding] = wrong(examine(fresh), "imagen")
    assert "usa una imagen anterior a la última construida" in finding["found"]
    assert fresh.up() == 0
    assert wrong(examine(fresh), "imagen") == []


def test_two_copies_of_the_project_with_the_same_container_names(fresh: Stack, stack: Stack) -> None:
    fresh.environment["CONTAINER_PREFIX"] = stack.name
    found = wrong(examine(fresh), "nombres")
    assert any(f"un contenedor llamado «{stack.name}_postgres»" in one["found"] for one in found)
    # El otro no se toca: quien cambia de nombre es este.
    assert {one["fix"] for one in found} == {"CONTAINER_PREFIX=otro en .env, con otros puertos y otra NETWORK_NAME"}


def test_a_folder_that_the_container_cannot_write(fresh: Stack) -> None:
    if os.geteuid() != 0:
        pytest.skip("solo root puede hacer que la carpeta sea de otro")
    strict(fresh.folder, owner=1001)
    refused = fresh.compose("run", "--rm", "-T", "migrate", check=False)
    assert refused.returncode == 126
    assert "ETL_UID=1001 y ETL_GID=1001" in refused.stderr
    fresh.environment |= {"ETL_UID": "1001", "ETL_GID": "1001"}
    assert fresh.up() == 0
    fresh.run("etl", "report")
    (fresh.folder / "datos" / "salida" / "informe.html").unlink()

    # Un clon que todos pueden leer, y en el que solo escribe su dueño.
    for path in (fresh.folder, *fresh.folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    del fresh.environment["ETL_UID"], fresh.environment["ETL_GID"]
    done = fresh.run("etl", "report", check=False)
    assert done.returncode == 2
    assert "ETL_UID=1001 y ETL_GID=1001" in done.stderr
    os.chown(fresh.folder / "datos" / "salida", 0, 0)
    [finding] = wrong(examine(fresh), "datos/salida")
    assert finding["fix"] == "sudo chown -R 1000:1000 datos/salida"
    os.chown(fresh.folder / "datos" / "salida", 1000, 1000)
    assert wrong(examine(fresh), "datos/salida") == []
    fresh.run("etl", "report")
    assert (fresh.folder / "datos" / "salida" / "informe.html").exists()


def test_windows_line_ends_in_a_script(fresh: Stack) -> None:
    script = fresh.folder / "docker" / "start.sh"
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    [finding] = wrong(examine(fresh), "finales de línea")
    subprocess.run(["sh", "-c", finding["fix"]], cwd=fresh.folder, check=True)
    assert wrong(examine(fresh), "finales de línea") == []


def test_it_changes_nothing(fresh: Stack) -> None:
    examine(fresh)
    assert docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={fresh.name}") == ""
