"""El endurecimiento, comprobado desde dentro de los contenedores en marcha."""

import json
from collections.abc import Iterator

import pytest

from compose.stack import Stack, docker

RUNNING = ("postgres", "pgadmin", "adminer")
NOTEBOOKS = ("notebooks",)
SPARK_RUNNING = ("spark-master", "spark-worker", "spark-history")
NO_CAPABILITIES = "0000000000000000"


@pytest.fixture(params=(*RUNNING, "app_etl", "migrate", *NOTEBOOKS, *SPARK_RUNNING, "app_spark"))
def inside(request: pytest.FixtureRequest) -> Iterator["Inside"]:
    """Un contenedor de cada servicio; los que terminan se levantan con otra orden."""
    service = request.param
    stack: Stack = request.getfixturevalue(
        "cluster" if "spark" in service else "notebooks" if service in NOTEBOOKS else "stack"
    )
    if service in RUNNING + NOTEBOOKS + SPARK_RUNNING:
        yield Inside(stack.containers(service)[0])
        return
    stack.compose("run", "--detach", "--name", f"{stack.name}_dentro", service, "sleep", "60")
    yield Inside(f"{stack.name}_dentro")
    docker("rm", "--force", f"{stack.name}_dentro")


class Inside:
    """Órdenes de shell dentro de un contenedor, con su mismo usuario."""

    def __init__(self, container: str) -> None:
        self.container = container

    def sh(self, command: str) -> str:
        return docker("exec", self.container, "sh", "-c", command)


def test_nobody_is_root(inside: Inside) -> None:
    assert inside.sh("id -u") != "0"
    assert " 0" not in inside.sh("grep ^Uid: /proc/1/status").replace("\t", " ")


def test_nobody_has_capabilities_or_a_way_to_get_them(inside: Inside) -> None:
    status = dict(line.split(":\t") for line in inside.sh("grep -E '^(Cap|NoNewPrivs)' /proc/1/status").splitlines())
    assert status.pop("NoNewPrivs") == "1"
    assert set(status.values()) == {NO_CAPABILITIES}


def test_nobody_writes_outside_the_volumes_and_memory(inside: Inside) -> None:
    attempts = "for folder in / /etc /usr/bin /opt /root /var/lib; do"
    attempts += ' if touch "$folder/intruso" 2>/dev/null; then echo "$folder"; fi; done; true'
    assert inside.sh(attempts) == ""
    assert inside.sh("touch /tmp/prueba && echo escrito") == "escrito"


def test_memory_processes_and_processor_are_limited(stack: Stack, cluster: Stack) -> None:
    found = [(service, stack.container(service)) for service in (*RUNNING, "app_etl", "migrate")]
    found += [(service, cluster.containers(service)[0]) for service in SPARK_RUNNING]
    for service, container in found:
        limits = json.loads(docker("inspect", container))[0]["HostConfig"]
        assert limits["Memory"] > 0, service
        assert limits["NanoCpus"] > 0, service
        assert limits["PidsLimit"] > 0, service


def test_the_input_is_read_only_and_the_output_is_not(stack: Stack) -> None:
    write = "touch /datos/intruso 2>/dev/null && echo mal; touch /datos/salida/prueba && echo bien"
    assert stack.run("sh", "-c", write).stdout.strip() == "bien"
    assert (stack.folder / "datos" / "salida" / "prueba").exists()
    assert not (stack.folder / "datos" / "intruso").exists()


FORBIDDEN = {
    "borrar una tabla de otro": "DROP TABLE datos.ventas",
    "vaciarla sin dejar rastro": "TRUNCATE datos.ventas",
    "cambiarla": "ALTER TABLE datos.ventas ADD COLUMN x int",
    "crear tablas entre las declaradas": "CREATE TABLE datos.intrusa (x int)",
    "crear tablas en public": "CREATE TABLE public.intrusa (x int)",
    "leer archivos del servidor": "COPY staging.prueba FROM '/etc/passwd'",
    "leer archivos por función": "SELECT pg_read_file('/etc/passwd')",
    "ejecutar programas": "COPY staging.prueba FROM PROGRAM 'id'",
    "escribir archivos del servidor": "COPY datos.tiendas TO '/tmp/salida'",
    "hacerse dueño": "SET ROLE etl_owner",
    "hacerse administrador": "SET ROLE alumno",
    "crear usuarios": "CREATE ROLE intruso SUPERUSER LOGIN",
    "ascenderse": "ALTER ROLE etl_loader SUPERUSER",
    "cambiar el servidor": "ALTER SYSTEM SET fsync = off",
    "leer contraseñas": "SELECT rolpassword FROM pg_authid",
}


@pytest.fixture(scope="module")
def staging_table(stack: Stack) -> Iterator[None]:
    """Una tabla propia del cargador: que falle la orden, no porque la tabla no exista."""
    stack.query("CREATE TABLE IF NOT EXISTS staging.prueba (linea text)", user="etl_loader")
    yield
    stack.query("DROP TABLE staging.prueba", user="etl_loader")


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN.keys())
@pytest.mark.usefixtures("staging_table")
def test_the_loader_cannot(stack: Stack, statement: str) -> None:
    with pytest.raises(AssertionError, match=r"permission denied|must be owner|permiso|must be superuser"):
        stack.query(statement, user="etl_loader")


@pytest.mark.parametrize(
    "statement", ["DELETE FROM datos.ventas", "CREATE TABLE staging.x (y int)", "DROP TABLE datos.ventas"]
)
def test_the_reader_only_reads(stack: Stack, statement: str) -> None:
    assert stack.query("SELECT count(*) FROM ventas", user="lector")[0][0] != "0"
    with pytest.raises(AssertionError, match=r"permission denied|read-only transaction|must be owner"):
        stack.query(statement, user="lector")
    # Aunque se quite el seguro, siguen faltando los permisos.
    with pytest.raises(AssertionError, match=r"permission denied|must be owner"):
        stack.query(f"SET transaction_read_only = off; {statement}", user="lector")


def test_the_server_keeps_checksums_and_scram_passwords(stack: Stack) -> None:
    assert stack.query("SHOW data_checksums") == [["on"]]
    assert stack.query("SHOW password_encryption") == [["scram-sha-256"]]
    hashed = stack.query(
        "SELECT rolname FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-SHA-256$%' ORDER BY 1"
    )
    assert hashed == [["alumno"], ["etl_loader"], ["lector"]]


def test_a_wrong_password_is_one_clear_error_and_no_traceback(stack: Stack) -> None:
    failed = stack.compose("run", "--rm", "-T", "-e", "DB_PASSWORD=equivocada", "app_etl", "etl", "run", check=False)
    assert failed.returncode == 4
    assert "password authentication failed" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "equivocada" not in failed.stdout + failed.stderr
