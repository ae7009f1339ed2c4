"""La orden `etl doctor`."""

from dataclasses import asdict

import typer

from extras.document import AsJson, write_json
from extras.settings import load_settings


def doctor(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Dice qué está mal y cómo se arregla. Mira la máquina, Docker, la base de datos y los archivos."""
    from extras.doctor.examine import examine
    from extras.doctor.show import show

    findings = examine(load_settings(), ctx.obj())
    wrong = any(finding.state == "bad" for finding in findings)
    if as_json:
        write_json({"ok": not wrong, "findings": list(map(asdict, findings))})
    else:
        show(findings)
    raise typer.Exit(1 if wrong else 0)


def add(app: typer.Typer) -> None:
    """Añade las órdenes de esta carpeta."""
    app.command()(doctor)
