"""Desarrollar sin reconstruir: lo que se edita en app/ vale en la siguiente ejecución."""

from collections.abc import Callable
from pathlib import Path

from compose.stack import BASE, Stack, fresh_copy

EDIT = "print('editado')\n"


def run(stack: Stack, *command: str) -> str:
    """La orden en un contenedor nuevo de app_etl, sin levantar la base de datos."""
    return stack.compose("run", "--rm", "-T", "--no-deps", "app_etl", *command).stdout


def test_an_edit_changes_the_next_run_and_only_with_the_override(
    make_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    development = make_stack(fresh_copy(tmp_path / "clon"))
    entry = development.folder / "app" / "etl_pipeline.py"
    assert "editado" not in run(development, "python", "etl_pipeline.py", "--help")
    entry.write_text(EDIT + entry.read_text(encoding="utf-8"), encoding="utf-8")
    assert run(development, "python", "etl_pipeline.py", "--help").startswith("editado")

    server = make_stack(development.folder, files=(BASE,))
    assert "editado" not in run(server, "python", "etl_pipeline.py", "--help")
    development.destroy()
    server.destroy()
