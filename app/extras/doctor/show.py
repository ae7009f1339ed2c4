"""El diagnóstico en el terminal: una línea por comprobación y, si algo va mal, cómo arreglarlo."""

from rich.console import Console

from extras.doctor.finding import Finding
from extras.output import escape

MARKS = {"ok": "[green]✔[/]", "bad": "[red]✖[/]", "skip": "[dim]–[/]"}
NAME_WIDTH = 18


def show(findings: list[Finding]) -> None:
    """Escribe todo por la salida estándar."""
    console = Console()
    for finding in findings:
        name = finding.check.ljust(NAME_WIDTH)
        console.print(f"{MARKS[finding.state]} {name}{escape(finding.found)}", highlight=False, soft_wrap=True)
        if finding.fix:
            console.print(f"  → {escape(finding.fix)}", highlight=False, soft_wrap=True, style="bold")
    wrong = sum(finding.state == "bad" for finding in findings)
    console.print(
        f"\n{wrong} cosas por arreglar." if wrong > 1 else "\nUna cosa por arreglar." if wrong else "\nTodo en orden."
    )
