"""Las contraseñas en archivos: el stack entero funciona y nadie las ve desde fuera."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from compose.conftest import Clone
from compose.stack import BASE, SECRETS, Stack, docker, wait_until

PASSWORDS = {
    "postgres_password": "secreto-uno-4711",
    "etl_loader_password": "secreto-dos-4712",
    "lector_password": "secreto-tres-4713",
    "spark_auth_secret": "secreto-cuatro-4714",
    "jupyter_token": "secreto-cinco-4715",
}
DEFAULTS = ("bigdata2026", "cargador2026", "lector2026", "spark2026", "cuaderno2026")
JUPYTER = "http://127.0.0.1:8888/api/contents?token="
SERVICES = ("postgres", "migrate", "app_etl", "pgadmin", "adminer", "spark-master", "spark-worker", "notebooks")


@pytest.mark.usefixtures("spark_image", "notebooks")
def test_the_stack_works_with_secrets_in_files(make_stack: Callable[..., Stack], clone: Clone, tmp_path: Path) -> None:
    stack = make_stack(clone(tmp_path / "clon"), files=(BASE, SECRETS), profiles=("debug", "spark", "notebooks"))
    (stack.folder / "secrets").mkdir()
    for name, password in PASSWORDS.items():
        # Con salto de línea al final, como lo deja cualquier editor.
        (stack.folder / "secrets" / name).write_text(password + "\n", encoding="utf-8")
    assert stack.up() == 0, stack.logs("app_etl")
    assert stack.number("SELECT count(*) FROM ventas") > 0

    # También el clúster: app_spark entra con el secreto del archivo y encuentra lo que cargó app_etl.
    done = json.loads(stack.spark("etl", "run", "--engine", "spark", "--json").stdout)
    assert {file["status"] for file in done["files"]} == {"skipped"}

    # Y los cuadernos, que piden el testigo de su archivo y entran en la base de datos con la contraseña del suyo.
    health = ("inspect", "-f", "{{.State.Health.Status}}", stack.container("notebooks"))
    wait_until(lambda: docker(*health) == "healthy", 120, "JupyterLab en marcha", pause=0.5)
    program = f"import urllib.request as u; print(u.urlopen('{JUPYTER}{PASSWORDS['jupyter_token']}').status)"
    program += "; from etl.settings import load_settings; print(load_settings().db_password)"
    inside = stack.compose("exec", "-T", "notebooks", "python", "-c", program)
    assert inside.stdout.split() == ["200", PASSWORDS["lector_password"]]

    for service in SERVICES:
        seen = json.dumps(stack.inspect(service)) + stack.logs(service)
        for password in (*PASSWORDS.values(), *DEFAULTS):
            assert password not in seen, f"{service} enseña una contraseña"

    # Y de verdad son esas: con la de por defecto ya no se entra.
    assert "etl_loader" in _login(stack, "etl_loader", PASSWORDS["etl_loader_password"])
    assert "password authentication failed" in _login(stack, "etl_loader", "cargador2026")


def _login(stack: Stack, user: str, password: str) -> str:
    program = (
        "import psycopg\ntry:\n"
        f"  c = psycopg.connect(host='postgres', user={user!r}, password={password!r}, dbname='curso_bigdata')\n"
        "  print(c.execute('SELECT current_user').fetchone())\n"
        "except psycopg.OperationalError as error:\n  print(error)"
    )
    image = stack.inspect("app_etl")["Config"]["Image"]
    return docker("run", "--rm", "--network", stack.name, image, "python", "-c", program)
