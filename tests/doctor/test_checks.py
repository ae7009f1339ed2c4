"""Las comprobaciones de `etl doctor` que no necesitan Docker."""

import ast
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from etl import declarations
from etl.settings import ROOT, Settings
from extras.doctor import compose_file, containers, files
from extras.doctor.causes import find_cause
from extras.doctor.docker import Container, Project
from extras.doctor.finding import Finding
from extras.doctor.ports import is_free
from own_rows import PARTS
from own_sample import write_sample


def project(services: dict[str, Any], root: Path = ROOT) -> Project:
    return Project(root, {"services": services}, [])


def bad(findings: Any) -> list[Finding]:
    return [finding for finding in findings if finding.state == "bad"]


@pytest.mark.parametrize(
    ("depends_on", "condition"),
    [
        ({"db": {"condition": "service_started"}}, "service_healthy"),
        ({"db": {}}, "service_healthy"),
        ({"tarea": {"condition": "service_started"}, "db": {"condition": "service_healthy"}}, "service_completed"),
        ({}, "service_healthy"),
    ],
)
def test_weak_gating_is_found_and_the_condition_named(depends_on: dict[str, Any], condition: str) -> None:
    app = {"depends_on": depends_on, "environment": {"DB_HOST": "db"}}
    [finding] = bad(compose_file.gating(project({"app": app, "db": {}, "tarea": {"restart": "no"}})))
    assert condition in finding.fix


def test_strong_gating_is_fine() -> None:
    app = {"depends_on": {"db": {"condition": "service_healthy"}}, "environment": {"DB_HOST": "db"}}
    assert bad(compose_file.gating(project({"app": app, "db": {}}))) == []


def test_a_database_in_a_folder_of_the_machine_is_warned() -> None:
    mounts = [{"type": "bind", "source": "./pg", "target": "/var/lib/postgresql/data"}]
    service = {"environment": {"POSTGRES_USER": "a"}, "volumes": mounts}
    [finding] = bad(compose_file.volumes(project({"db": service})))
    assert "en Windows y macOS" in finding.found


def test_a_misspelt_variable_is_recognized(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("POSTGRES_PASSWORD=x\nPOSTGRES_PORT=5432\n")
    (tmp_path / ".env").write_text("POSTGRES_PASWORD=y\nMI_COSA=1\n")
    [finding] = bad(files.environment(tmp_path, None))
    assert finding.found == "nadie lee «POSTGRES_PASWORD»; ¿quería decir «POSTGRES_PASSWORD»?"
    assert finding.fix == "en .env, línea 1: POSTGRES_PASSWORD=…"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("Invalid hostPort: abc", "corrija en .env la línea 3: POSTGRES_PORT=abc"),
        (
            "error decoding 'services[postgres].mem_limit': invalid size: 'mucho'",
            "corrija en .env la línea 4: X='mucho'",
        ),
        ("services.postgres.image must be a string: abcd", None),
        ("no such file: secreta", None),
    ],
)
def test_the_line_of_the_value_that_compose_does_not_understand_is_shown(
    tmp_path: Path, error: str, line: str | None
) -> None:
    text = "# POSTGRES_PORT=abc\nPOSTGRES_PASSWORD=secreta\nexport POSTGRES_PORT=abc\nX='mucho'\nVACÍA=\n"
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    assert files.misunderstood(tmp_path, error) == line


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        ("pa$o1", False), ("a #b", False), ('"a$b"', False), ("${OTRA}x", False),
        ("'pa$o #1'", True), ("a#b", True), ('"a #b"', True), (r'"a\$b"', True), ("${OTRA}", True), ("a$", True),
        ("a  # la de casa", True), ("a$1", True), (" 'a$b'", True), ("a$$", False),
    ],
)  # fmt: skip
def test_a_password_that_compose_would_cut_is_noticed(tmp_path: Path, value: str, whole: bool) -> None:
    (tmp_path / ".env").write_text(f"POSTGRES_PASSWORD={value}\n", encoding="utf-8")
    found = [finding for finding in bad(files.environment(tmp_path, None)) if "no lee entera" in finding.found]
    assert [finding.fix.split(":")[0] for finding in found] == (
        [] if whole else ["póngala entre comillas simples, en .env, línea 1"]
    )


@pytest.mark.parametrize(("services", "left"), [(["adminer"], 1), (["postgres", "adminer"], 0), ([], 0)])
def test_what_a_down_without_profiles_leaves_is_recognized(services: list[str], left: int) -> None:
    config = {"services": {"postgres": {}, "adminer": {"profiles": ["debug"]}}}
    running = [Container(f"bigdata_{service}", service, "running", 0) for service in services]
    found = bad(containers.left_over(Project(ROOT, config, running)))
    assert [finding.fix for finding in found] == ['docker compose --profile "*" down'] * left


@pytest.mark.parametrize(("address", "wrong"), [("127.0.0.1", 0), ("::", 1), (None, 1)])
def test_example_passwords_only_matter_where_others_can_see_them(address: str | None, wrong: int) -> None:
    port = {"published": "5432", "target": 5432} | ({"host_ip": address} if address else {})
    assert len(bad(files.environment(ROOT, project({"postgres": {"ports": [port]}})))) == wrong


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)


def test_the_files_that_would_be_refused_are_told_before_loading(tmp_path: Path) -> None:
    (tmp_path / "clientes.csv").write_text("cliente_id,nombre\n1,Ana\n")
    (tmp_path / "foto.png").write_bytes(b"\x89PNG")
    (tmp_path / "vacio.json").write_bytes(b"")
    (tmp_path / "ventas_01.csv").write_bytes(b"")
    settings = Settings(datos_dir=tmp_path)
    found = bad(files.data_files(settings, declarations.load(), PARTS))
    assert {finding.found.split(" ")[0] for finding in found} == {
        "clientes.csv",
        "foto.png",
        "vacio.json",
        "ventas_01.csv",
    }
    assert all(finding.fix for finding in found)


def test_files_that_can_be_read_are_only_counted(tmp_path: Path) -> None:
    write_sample(tmp_path, 1200)
    settings = Settings(datos_dir=tmp_path)
    [finding] = files.data_files(settings, declarations.load(), PARTS)
    assert (finding.state, finding.found) == ("ok", "15 archivos; de ninguno se rechazaría su forma")


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    settings = Settings(datos_dir=tmp_path)
    [finding] = bad(files.data_files(settings, declarations.load(), PARTS))
    assert finding.fix == "copie ahí los suyos"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('FATAL:  password authentication failed for user "alumno"', "password"),
        ('could not translate host name "postgres" to address', "name"),
        ("connection to server failed: Connection refused", "refused"),
        ('FATAL:  database "otra" does not exist', "missing"),
        ("The data directory was initialized by PostgreSQL version 16", "version"),
        ("Bind for 0.0.0.0:5432 failed: port is already allocated", "port"),
        ("could not write to file: No space left on device", "disk"),
        ("FATAL:  sorry, too many clients already", "connections"),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "connections"),
        ('FATAL:  too many connections for role "etl_loader"', "connections"),
        ('role "etl_loader" does not exist', "not_prepared"),
        ("server does not support SSL, but SSL was required", "environment"),
        ("OperationalError: consuming input failed: server closed the connection unexpectedly", "cut"),
        ("ModuleNotFoundError: No module named 'pandas'", "missing_module"),
        ("todo bien", None),
    ],
)
def test_each_message_leads_to_its_cause(text: str, name: str | None) -> None:
    cause = find_cause(text)
    assert (cause.name if cause else None) == name


# Docker y make borran sin preguntar, y quien lee un arreglo lo copia.
DELETES = re.compile(r"docker (rm|volume rm|image rm)|prune|down -v|--volumes|make clean|\brm -|DROP DATABASE")


def test_no_text_of_the_program_tells_anyone_to_delete() -> None:
    for path in sorted((ROOT / "app" / "etl").rglob("*.py")):
        texts = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert [text for text in texts if DELETES.search(text)] == [], path.name
