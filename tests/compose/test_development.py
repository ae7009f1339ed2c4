"""Desarrollar sin reconstruir: lo que se edita en app/ vale en la siguiente ejecución."""

import os
from collections.abc import Callable
from pathlib import Path

from compose.conftest import Clone
from compose.stack import BASE, Stack

EDIT = "print('editado')\n"


def run(stack: Stack, *command: str) -> str:
    """La orden en un contenedor nuevo de app_etl, sin levantar la base de datos."""
    return stack.compose("run", "--rm", "-T", "--no-deps", "app_etl", *command).stdout


def test_an_edit_changes_the_next_run_and_only_with_the_override(
    make_stack: Callable[..., Stack], clone: Clone, tmp_path: Path
) -> None:
    development = make_stack(clone(tmp_path / "clon"))
    entry = development.folder / "app" / "etl_pipeline.py"
    assert "editado" not in run(development, "python", "etl_pipeline.py", "--help")
    entry.write_text(EDIT + entry.read_text(encoding="utf-8"), encoding="utf-8")
    assert run(development, "python", "etl_pipeline.py", "--help").startswith("editado")

    server = make_stack(development.folder, files=(BASE,))
    assert "editado" not in run(server, "python", "etl_pipeline.py", "--help")


def test_etl_new_writes_the_declaration_once_it_is_let(fresh: Stack) -> None:
    """El código está montado de solo lectura: la orden lo dice, y la que propone funciona."""
    (fresh.folder / "datos" / "opiniones.csv").write_text("opinion_id,nota\n1,5\n2,4\n", encoding="utf-8")
    folders = [fresh.folder / "app" / "declared", fresh.folder / "sql" / "migrations" / "versions"]
    if os.geteuid() == 0:  # el clon de una persona es suyo, no de root
        for path in [*folders, *(one for folder in folders for one in folder.iterdir())]:
            os.chown(path, 1000, 1000)
    assert fresh.up() == 0
    refused = fresh.run("new", "datos/opiniones.csv", check=False)
    assert refused.returncode == 2
    proposed = "CODE_MODE=rw docker compose run --rm migrate etl new datos/opiniones.csv"
    assert f": {proposed}\n" in refused.stderr
    seen = fresh.run("inspect", "datos/opiniones.csv").stdout
    load = "docker compose run --rm app_etl run datos/opiniones.csv"
    assert seen.endswith(f"Cárguelo con: {load} · Declárelo con: {proposed}\n")

    fresh.environment["CODE_MODE"] = "rw"
    told = fresh.compose(*proposed.split()[3:]).stdout
    assert "Escrito: app/declared/opiniones.py\n" in told
    assert "«docker compose run --rm migrate» y «docker compose run --rm app_etl run»" in told
    assert (folders[0] / "opiniones.py").exists()
    # Y la migración se puede escribir otra vez, después de corregir la clase.
    (folders[1] / "0003_tabla_opiniones.py").unlink()
    revision = "alembic -c sql/alembic.ini revision --autogenerate -m opiniones"
    fresh.compose("run", "--rm", "migrate", *revision.split())
    del fresh.environment["CODE_MODE"]
    assert "opinion_id" in (folders[1] / "0003_opiniones.py").read_text(encoding="utf-8")
    fresh.compose("run", "--rm", "migrate")
    fresh.run("run", "datos/opiniones.csv")
    assert fresh.number("SELECT count(*) FROM datos.opiniones") == 2
