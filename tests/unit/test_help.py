"""Lo que escribe la orden `etl` cuando se le pide ayuda o se le escribe mal: en español y sin cortar."""

import re

import pytest
import typer

from etl.cli import new_app
from wiring import add_commands, main

# Las de siempre; el proyecto puede tener más.
COMMANDS = {
    "run", "inspect", "new", "status", "rejects", "report", "doctor", "migrate",
    "db", "db start", "db stop", "db url", "db psql",
}  # fmt: skip
ENGLISH = re.compile(
    r"Usage|Options|Arguments|Commands|Show this|required|default|Try |No such|Missing|Invalid|Input|<"
)


def written(arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exit_code:
        main(arguments.split())
    captured = capsys.readouterr()
    return int(exit_code.value.code or 0), captured.out + captured.err


def commands() -> list[str]:
    """Las órdenes que hay, preguntadas al programa."""
    root = typer.main.get_command(new_app(add_commands))
    below = [f"db {name}" for name in root.commands["db"].commands]  # type: ignore[attr-defined]
    return [*root.commands, *below]  # type: ignore[attr-defined]


def test_no_command_is_missing() -> None:
    assert set(commands()) >= COMMANDS


@pytest.mark.parametrize("command", ["", *commands()])
def test_the_help_is_in_spanish_and_nothing_is_cut(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, text = written(f"{command} --help", capsys)
    assert code == 0
    assert text.startswith("Uso: etl" if not command else f"Uso: etl {command} ")
    assert "Enseña esta ayuda." in text
    assert not ENGLISH.search(text)
    assert not re.search(r"[^\]A-Z]\.\.\.", text)


@pytest.mark.parametrize("group", ["", "db"])
def test_alone_it_shows_its_help(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = written(group, capsys)
    assert code == 2
    assert "Órdenes:" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("rn", "No hay ninguna orden «rn». ¿Quería decir «run»?"),
        ("db nada", "No hay ninguna orden «nada»."),
        ("run --jsn", "No hay ninguna opción «--jsn». Se parecen: --json."),
        ("run --engine", "Falta el valor de «--engine»."),
        ("run --quiet=1", "«--quiet» no lleva ningún valor."),
        ("run --engine nada", "El valor de «--engine» no vale: «nada» no es uno de local, spark."),
        ("status de más", "Sobra «de más»."),
        ("inspect", "Falta decir «RUTA...»."),
    ],
)
def test_a_misspelt_command_is_explained(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = written(arguments, capsys)
    assert code == 2
    assert text.startswith(f"Error: {message}")
    assert not ENGLISH.search(text)
    assert "--help»" in text
