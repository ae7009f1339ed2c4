"""Lee los documentos como los lee una persona: bloques de órdenes, lo que dicen que sale, y enlaces.

Delante de un bloque puede haber una nota que no se ve, `<!-- prueba: ... -->`:

    código 4      la última orden tiene que terminar con ese código
    no, porque …  no se ejecuta, y ahí está el motivo
    otra palabra  el nombre del grupo de bloques que se ejecutan juntos
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from etl.cli import new_app
from wiring import add_commands

BLOCK = re.compile(
    r"(?:<!-- prueba: (?P<note>[^>]+) -->\n)?```bash\n(?P<code>.*?)```"
    r"(?:\n\n```text\n(?P<output>.*?)```)?",
    re.DOTALL,
)
# Lo que cambia de una vez a otra: los segundos y las direcciones de los contenedores.
CHANGING = re.compile(r"\b\d+,\d+\b|\b\d+\.\d+\.\d+\.\d+\b")
NAMES = {"NETWORK_NAME": "bigdata_curso_network"}
COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Block:
    """Un bloque ```bash y, si lo sigue un ```text, lo que el documento dice que sale."""

    code: str
    output: str
    note: str
    line: int

    @property
    def exit_code(self) -> int:
        return int(self.note.removeprefix("código ")) if self.note.startswith("código ") else 0


def blocks(text: str) -> list[Block]:
    """Los bloques de órdenes de un documento, en orden."""
    return [
        Block(found["code"], found["output"] or "", found["note"] or "", text[: found.start()].count("\n") + 1)
        for found in BLOCK.finditer(text)
    ]


def normal(text: str) -> list[str]:
    """Líneas comparables: sin colores, sin adornos de tabla, sin segundos ni direcciones y con un solo espacio."""
    plain = CHANGING.sub("N", COLORS.sub("", text))
    return [" ".join(line.replace("|", " | ").split()) for line in plain.splitlines() if line.strip()]


def check(block: Block, folder: Path, environment: Mapping[str, str], timeout: float = 900) -> str:
    """Ejecuta un bloque como está escrito y comprueba su código y cada línea que promete."""
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", block.code],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    printed = done.stdout
    for name, written in NAMES.items():  # los documentos dicen los de siempre; una prueba usa los suyos
        printed = printed.replace(environment.get(name) or written, written)
    where = f"línea {block.line}: {block.code}\n--- salió ---\n{done.stdout}"
    assert done.returncode == block.exit_code, f"código {done.returncode}, {where}"
    printed = "\n".join(normal(printed))
    for expected in normal(block.output):
        if expected != "…" and set(expected) - set("─━ -+"):
            assert expected in printed, f"falta «{expected}», {where}"
    return done.stdout


def anchors(text: str) -> set[str]:
    """Los destinos de `#...` que GitHub hace con los títulos."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    kept = (re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in kept}


def commands() -> dict[str, set[str]]:
    """Las órdenes de `etl` con sus opciones, preguntadas al programa."""
    found: dict[str, set[str]] = {}

    def collect(group: object, prefix: str) -> None:
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            if hasattr(command, "commands"):
                collect(command, f"{prefix}{name} ")
            else:
                found[prefix + name] = {option for one in command.params for option in one.opts if option[0] == "-"}

    collect(typer.main.get_command(new_app(add_commands)), "")
    return found
