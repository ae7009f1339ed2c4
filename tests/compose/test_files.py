"""Lo que dicen los archivos de Compose, sin levantar nada: válidos, documentados y sin excepciones."""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose.stack import BASE, OVERRIDE, SECRETS, Stack, fresh_copy
from etl.settings import ROOT

FILES = (BASE, OVERRIDE, SECRETS)
COMBINATIONS = ((), (BASE,), (BASE, SECRETS), (BASE, OVERRIDE, SECRETS))
# El orden en que se leen: qué es, cómo arranca, qué sabe, qué toca, de quién depende, cuánto puede.
KEY_ORDER = (
    "<<", "build", "image", "container_name", "hostname", "profiles", "restart", "scale", "init", "user",
    "entrypoint", "command",
    "environment", "secrets", "ports", "volumes", "tmpfs", "shm_size", "networks", "depends_on", "healthcheck",
    "stop_grace_period", "mem_limit", "cpus", "pids_limit", "<<",
)  # fmt: skip
# Lo que pone el propio entorno de las pruebas o no es de Compose.
OUTSIDE_COMPOSE = {"DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME"}


@pytest.fixture(scope="module")
def plain(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Stack]:
    """El proyecto sin `.env` ni entorno: lo que resuelve quien acaba de clonar."""
    folder = fresh_copy(tmp_path_factory.mktemp("clon"))

    def make(environment: dict[str, str] | None = None, **options: Any) -> Stack:
        stack = Stack(folder, {}, **options)
        stack.environment = environment or {}
        return stack

    return make


def text_of(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def without_comments(text: str) -> str:
    return re.sub(r"(?m)^\s*#.*$", "", text)


def variables(text: str) -> dict[str, str]:
    """Las variables de un archivo de Compose con su valor por defecto."""
    return dict(re.findall(r"(?<!\$)\$\{([A-Z_]+):-((?:[^{}$]|\$\{[^}]*\})*)\}", without_comments(text)))


def example() -> dict[str, str]:
    lines = text_of(".env.example").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def profiles_of(file: str) -> set[str]:
    services = yaml.safe_load(text_of(file).replace("!reset", ""))["services"]
    return {profile for service in services.values() for profile in service.get("profiles", [])}


def every_profile_set() -> list[tuple[str, ...]]:
    names = sorted(profiles_of(BASE))
    return [chosen for count in range(len(names) + 1) for chosen in itertools.combinations(names, count)]


@pytest.mark.parametrize("version", ["postgres:16", "postgres:18"])
@pytest.mark.parametrize("files", COMBINATIONS, ids=lambda files: "+".join(files) or "por-defecto")
def test_every_combination_of_files_and_profiles_is_valid(
    plain: Callable[..., Stack], files: tuple[str, ...], version: str
) -> None:
    for profiles in every_profile_set():
        environment = {"POSTGRES_IMAGE": version, "SPARK_AUTH_SECRET": "x"}
        config = plain(files=files, profiles=profiles, environment=environment).config()
        assert config["services"]["postgres"]["image"] == version
        assert {"postgres", "migrate", "app_etl"} <= set(config["services"])


def test_every_variable_is_in_the_example_with_the_same_default() -> None:
    used: dict[str, str] = {}
    for file in FILES:
        for name, default in variables(text_of(file)).items():
            assert used.setdefault(name, default) == default, f"{name} tiene dos valores por defecto"
    # Con un valor que depende de otra variable, el ejemplo lo deja vacío.
    expected = {name: "" if "${" in default else default for name, default in used.items()}
    documented = {name: value for name, value in example().items() if name not in OUTSIDE_COMPOSE}
    assert documented == expected


@pytest.mark.parametrize("password", ["pa$o #1", "ab#c", "$HOME"])
def test_a_password_within_single_quotes_arrives_whole(
    plain: Callable[..., Stack], tmp_path: Path, password: str
) -> None:
    stack = replace(plain(), folder=fresh_copy(tmp_path / "clon"))
    (stack.folder / ".env").write_text(f"POSTGRES_PASSWORD='{password}'\n", encoding="utf-8")
    environment = stack.config()["services"]["postgres"]["environment"]
    # `config` escribe $$ por cada $, para que lo que enseña se pueda volver a leer.
    assert environment["POSTGRES_PASSWORD"].replace("$$", "$") == password


def test_a_student_has_a_compose_file_of_their_own(plain: Callable[..., Stack], tmp_path: Path) -> None:
    """Con las líneas de .env.example sin su #, vale lo de ese archivo y también lo del de desarrollo."""
    stack = replace(plain(), folder=fresh_copy(tmp_path / "clon"))
    stack.environment = {}
    lines = re.findall(r"(?m)^# (COMPOSE_\w+=.*)$", text_of(".env.example"))
    (stack.folder / ".env").write_text("\n".join([*lines, ""]), encoding="utf-8")
    own = "services:\n  postgres:\n    environment:\n      TZ: Europe/Madrid\n"
    (stack.folder / "docker-compose.local.yml").write_text(own, encoding="utf-8")
    postgres = stack.config()["services"]["postgres"]
    assert postgres["environment"]["TZ"] == "Europe/Madrid"
    assert [port["published"] for port in postgres["ports"]] == ["5432"]
    assert "docker-compose.local.yml" in text_of(".gitignore").splitlines()


def test_every_order_to_take_the_stack_down_takes_the_profiles_too() -> None:
    """Sin ellos, lo que sigue en marcha retiene la red, y `down` no la puede quitar."""
    pages = [ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    orders = re.findall(r"(?m)^\s*docker compose .*\bdown\b.*$", "\n".join(text_of(str(p)) for p in pages))
    assert orders
    assert [order for order in orders if '--profile "*" down' not in order] == []


def test_no_variable_goes_without_a_default() -> None:
    for file in (BASE, OVERRIDE):
        bare = re.findall(r"(?<!\$)\$(?:[A-Z_]+|\{[A-Z_]+\})", without_comments(text_of(file)))
        assert bare == [], file


def test_the_names_of_the_lesson_are_kept(plain: Callable[..., Stack]) -> None:
    stack = plain(profiles=("debug",))
    config = stack.config()
    services = config["services"]
    names = {service: services[service]["container_name"] for service in ("postgres", "app_etl", "pgadmin")}
    assert names == {"postgres": "bigdata_postgres", "app_etl": "bigdata_etl", "pgadmin": "bigdata_pgadmin"}
    assert services["postgres"]["image"] == "postgres:16"
    assert services["app_etl"]["command"] == ["python", "etl_pipeline.py"]
    assert services["app_etl"]["hostname"] == "app-etl"
    assert services["app_etl"]["environment"]["DB_HOST"] == "postgres"
    assert set(services["app_etl"]["environment"]) >= {"DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME"}
    mounts = {volume["target"]: volume["source"] for volume in services["app_etl"]["volumes"]}
    assert mounts["/datos"] == str(stack.folder / "datos")
    assert mounts["/app"] == str(stack.folder / "app")
    assert "pgdata" in config["volumes"]
    assert config["networks"]["red_bigdata"]["driver"] == "bridge"
    assert config["networks"]["red_bigdata"]["name"] == "bigdata_curso_network"
    assert services["pgadmin"]["environment"]["PGADMIN_DEFAULT_EMAIL"] == "admin@curso.com"
    assert services["pgadmin"]["environment"]["PGADMIN_DEFAULT_PASSWORD"] == "admin123"
    published = {port["published"] for name in ("postgres", "pgadmin") for port in services[name]["ports"]}
    assert published == {"5432", "8080"}


def test_the_names_of_the_chapters_on_spark_are_kept(plain: Callable[..., Stack]) -> None:
    services = plain(profiles=("spark",)).config()["services"]
    assert services["spark-master"]["hostname"] == "spark-master"
    assert services["spark-master"]["networks"]["red_bigdata"]["aliases"] == ["master"]
    assert "container_name" not in services["spark-worker"]
    assert services["app_spark"]["hostname"] == "app-spark"
    assert services["app_spark"]["command"] == ["etl", "run", "--engine", "spark"]
    assert services["app_spark"]["environment"]["SPARK_MASTER_URL"] == "spark://spark-master:7077"
    ports = {
        name: [(port["published"], port["target"]) for port in service.get("ports", [])]
        for name, service in services.items()
        if "spark" in name
    }
    assert ports == {
        "spark-master": [("8081", 8080)],
        "spark-worker": [],
        "spark-history": [("18080", 18080)],
        "app_spark": [("4040", 4040)],
    }


def test_spark_fits_a_laptop_of_8_gb(plain: Callable[..., Stack]) -> None:
    """Todo lo que está en marcha mientras dura un trabajo, con dos trabajadores y en su límite."""
    services = plain(profiles=("spark",)).config()["services"]
    once = ("postgres", "spark-master", "spark-history", "app_spark")
    limits = {name: int(services[name]["mem_limit"]) / 2**30 for name in (*once, "spark-worker")}
    assert sum(limits[name] for name in once) + 2 * limits["spark-worker"] <= 6


def test_without_the_override_no_port_is_published_and_with_it_only_on_loopback(plain: Callable[..., Stack]) -> None:
    every = tuple(profiles_of(BASE))
    assert not any(
        service.get("ports") for service in plain(files=(BASE,), profiles=every).config()["services"].values()
    )
    ports = [
        port for service in plain(profiles=every).config()["services"].values() for port in service.get("ports", [])
    ]
    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_every_service_is_hardened_and_limited(plain: Callable[..., Stack]) -> None:
    services = plain(profiles=tuple(profiles_of(BASE))).config()["services"]
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "cpus", "pids_limit", "restart"} <= set(service), name
        assert "privileged" not in service, name
        assert not service["image"].endswith(":latest"), name
        assert not any("docker.sock" in volume["source"] for volume in service.get("volumes", [])), name


def test_nobody_starts_before_what_it_needs(plain: Callable[..., Stack]) -> None:
    services = plain(profiles=("debug", "spark")).config()["services"]
    for name in ("migrate", "app_etl", "pgadmin", "adminer", "app_spark"):
        assert services[name]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in ("app_etl", "pgadmin", "adminer", "app_spark"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    for name in ("spark-worker", "app_spark"):
        assert services[name]["depends_on"]["spark-master"]["condition"] == "service_healthy"
    assert "-h 127.0.0.1" in services["postgres"]["healthcheck"]["test"][1]


def needed(services: dict[str, Any], name: str) -> set[str]:
    """Un servicio y todos a los que espera: los que Compose mira cuando se le pide ese."""
    return {name}.union(*(needed(services, other) for other in services[name].get("depends_on", {})))


@pytest.mark.parametrize("files", COMBINATIONS, ids=lambda files: "+".join(files) or "por-defecto")
def test_each_image_has_one_builder_and_whoever_uses_it_waits_for_that_one(
    plain: Callable[..., Stack], files: tuple[str, ...]
) -> None:
    """Con el almacén de containerd, dos que exportan a la vez la misma etiqueta chocan: «already exists»."""
    for profiles in every_profile_set():
        services = plain(files=files, profiles=profiles).config()["services"]
        builders = [name for name, service in services.items() if "build" in service]
        expected = {"migrate", *({"spark-master"} if "spark" in profiles else ()), *({"notebooks"} & {*profiles})}
        assert set(builders) == expected
        builder_of = {services[name]["image"]: name for name in builders}
        assert len(builder_of) == len(builders)
        for name, service in services.items():
            if service["image"] in builder_of:
                assert builder_of[service["image"]] in needed(services, name), name
                # No está en ningún registro: buscarla ahí es esperar para nada.
                assert service["pull_policy"] == "never", name


@pytest.mark.parametrize("file", FILES)
def test_the_keys_of_every_service_come_in_the_same_order(file: str) -> None:
    in_service = None
    seen: dict[str, list[str]] = {}
    for line in text_of(file).split("\nservices:\n")[1].split("\n\nvolumes:")[0].splitlines():
        if match := re.fullmatch(r"  ([a-z_-]+):", line):
            in_service = seen.setdefault(match[1], [])
        elif (match := re.match(r"    ([a-z_]+|<<):", line)) and in_service is not None:
            in_service.append(match[1])
        elif re.match(r"\S", line) and not line.startswith("#"):
            break
    assert seen
    for service, keys in seen.items():
        position = -1
        for key in keys:
            following = KEY_ORDER.index(key, position + 1) if key in KEY_ORDER[position + 1 :] else None
            assert following is not None, f"{file}: en {service}, «{key}» está fuera de su sitio"
            position = following


def test_a_codespace_opens_the_ports_of_every_service() -> None:
    text = text_of(".devcontainer/devcontainer.json")
    container = json.loads(re.sub(r"(?m)^\s*//.*$", "", text))
    published = {int(port) for port in re.findall(r"127\.0\.0\.1:\$\{\w+:-(\d+)\}", text_of(OVERRIDE))}
    assert set(container["forwardPorts"]) == published == {*map(int, container["portsAttributes"])}
    assert (ROOT / container["postCreateCommand"].split()[1]).is_file()


def test_every_service_has_a_header_that_says_what_persists() -> None:
    for name in yaml.safe_load(text_of(BASE))["services"]:
        header = re.search(rf"# -{{20,}}\n((?:  #.*\n)+?)  # -{{20,}}\n  {name}:\n", text_of(BASE))
        assert header, f"{name} no tiene cabecera"
        assert re.search(r"[Pp]ersiste|Escribe", header[1]), f"{name}: la cabecera no dice qué persiste"


def test_every_path_that_is_mounted_is_in_the_repository(plain: Callable[..., Stack]) -> None:
    services = plain(profiles=tuple(profiles_of(BASE))).config()["services"]
    for name, service in services.items():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), f"{name} monta {volume['source']}, que no existe"
