"""Lo que escribe una orden con `--json`: un documento por la salida estándar."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etl.reader import UNSEEN

if TYPE_CHECKING:
    from etl.run import FileResult, RunResult

AsJson = Annotated[bool, typer.Option("--json", help="Un documento JSON por la salida estándar.")]
COUNTED = ("read", "loaded", "updated", "duplicate", "rejected", "filtered", "repaired")


def write_json(document: Any) -> None:
    """Lo que se pidió con --json."""
    text = json.dumps(document, ensure_ascii=False, indent=2, default=datetime.isoformat)
    # En JSON, lo que obedecería un terminal se escribe también con su número.
    sys.stdout.write(UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text) + "\n")


def run_document(result: "RunResult") -> dict[str, Any]:
    """El documento de «etl run --json»."""
    return {
        "run_id": str(result.run_id),
        "engine": result.engine,
        "marts": result.marts,
        "wrong_marts": result.wrong_marts,
        "files": list(map(file_document, result.files)),
        **result.facts,
    }


def file_document(file: "FileResult") -> dict[str, Any]:
    """Lo que fue de un archivo, en ese documento."""
    fields = {**asdict(file), "seconds": round(file.seconds, 3), **layout(file)}
    counts, warnings = fields.pop("counts"), fields.pop("warnings")
    for name in ("written", "facts"):
        del fields[name]
    return {**fields, "warnings": warnings, **{f"rows_{name}": counts[name] for name in COUNTED}}


def layout(file: "FileResult") -> dict[str, Any]:
    """Cómo estaba escrito, en ese documento y en el de «etl inspect»."""
    written, facts = file.written, dict(file.facts)
    line_end = facts.pop("line_end", None)
    marks = ("delimiter", "quote", "escape")
    return {
        "encoding": file.encoding,
        "dialect": {**{name: getattr(written, name) for name in marks}, "line_end": line_end} if written else None,
        "header": written and written.header,
        "preamble_rows": written and written.preamble_rows,
        **facts,
    }
