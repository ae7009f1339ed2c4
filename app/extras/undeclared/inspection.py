"""Mira un archivo entero sin cargarlo: cómo está escrito, qué columnas tiene y qué filas apartaría.

Entra un `Source` y sale un `Inspection`. No hace falta base de datos. `show.py` lo enseña y
`scaffold.py` escribe con él una declaración.
"""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl.chunk import Reject
from etl.errors import Corrected, FileRefused, unexpected
from etl.extract.source import Source
from etl.run import FileResult
from extras.document import layout
from extras.undeclared import staging
from extras.undeclared.convert import NOT_EXACT, ImpossibleDates, Misfit, convert
from extras.undeclared.evidence import new_evidence, observe
from extras.undeclared.infer import Plan, decide, warnings_of
from extras.undeclared.names import table_of
from extras.undeclared.unknown import Found, open_rows

# Valores distintos que se recuerdan por columna; con más, solo se sabe que son más.
DISTINCT = 100_000
EXAMPLES, REJECTS = 3, 20


@dataclass
class ColumnFacts:
    """Lo que se ve en una columna. `distinct` es `None` si hay demasiados valores para contarlos."""

    plan: Plan
    original: str
    count: int = 0
    nulls: int = 0
    values: set[str] | None = field(default_factory=set)
    examples: list[str] = field(default_factory=list)
    longest: int = 0

    @property
    def distinct(self) -> int | None:
        return None if self.values is None else len(self.values)

    def look(self, text: pa.ChunkedArray) -> None:
        """Suma lo que dicen las filas de un trozo."""
        self.count += len(text)
        self.nulls += text.null_count
        self.longest = max(self.longest, pc.max(pc.utf8_length(text)).as_py() or 0)
        if self.values is None and len(self.examples) == EXAMPLES:
            return
        unique = [value for value in pc.unique(text).to_pylist() if value is not None]
        self.examples += [value for value in unique if value not in self.examples]
        del self.examples[EXAMPLES:]
        if self.values is not None:
            self.values.update(unique)
            self.values = None if len(self.values) > DISTINCT else self.values


@dataclass
class Inspection:
    """Un archivo (o una de sus tablas), mirado de principio a fin."""

    source: Source
    found: Found
    columns: list[ColumnFacts]
    rows: int = 0
    rejects: list[Reject] = field(default_factory=list)
    rejected: int = 0

    @property
    def table(self) -> str:
        return f"{staging.SCHEMA}.{table_of(self.source)}"

    @property
    def warnings(self) -> list[str]:
        return [*self.found.told(), *warnings_of([column.plan for column in self.columns])]

    @property
    def reasons(self) -> tuple[str, ...]:
        detected = self.found.detected
        return detected.reasons if detected else ()

    def add(self, rows: int, rejects: list[Reject]) -> None:
        """Suma un trozo: sus filas buenas y las apartadas; de estas se guardan las primeras."""
        self.rows += rows
        self.rejected += len(rejects)
        self.rejects += rejects[: REJECTS - len(self.rejects)]

    def to_json(self) -> dict[str, Any]:
        """El documento de `etl inspect --json`."""
        written = FileResult(self.source.name, None, self.table)
        self.found.describe(written)
        return {
            "file": self.source.name,
            "reason": None,
            "table": self.table,
            **layout(written),
            "reasons": list(self.reasons),
            "warnings": self.warnings,
            "rows_read": self.rows + self.rejected,
            "rows_rejected": self.rejected,
            "columns": [_column_json(column) for column in self.columns],
            "rejects": [
                {"line": r.line, "raw": r.raw, "column": r.column, "code": r.code, "message": r.message}
                for r in self.rejects
            ],
        }


def _column_json(column: ColumnFacts) -> dict[str, Any]:
    return {
        "name": column.plan.name,
        "original": column.original,
        "type": staging.sql_type(column.plan),
        "format": column.plan.format.name if column.plan.format else None,
        "nulls": column.nulls,
        "distinct": column.distinct,
        "examples": column.examples,
    }


@dataclass
class Refused:
    """Un archivo que no se puede leer, y por qué."""

    source: Source
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"file": self.source.name, "reason": self.reason}


def look_or_refuse(source: Source) -> Inspection | Refused:
    """Como `inspect`, pero un archivo malo no impide mirar los demás."""
    try:
        return inspect(source)
    except (FileRefused, Corrected) as error:
        return Refused(source, str(error))
    except Exception as error:  # noqa: BLE001 - tampoco uno que rompe el programa
        return Refused(source, str(unexpected(error)))


def inspect(source: Source) -> Inspection:
    """Recorre el archivo dos veces: una para decidir los tipos y otra para ver qué filas apartaría.

    Lanza `FileRefused` si no se puede leer.
    """
    with open_rows(source) as (found, chunks):
        facts = [ColumnFacts(Plan(n, pa.string()), o) for n, o in zip(found.names, found.columns, strict=True)]
        evidence = new_evidence(found.names, found.kinds, found.native)
        for chunk in chunks:
            observe(evidence, chunk)
            for column in facts:
                column.look(chunk.columns[column.plan.name])
    as_text: dict[str, str] = {}
    while True:
        for column, plan in zip(facts, decide(evidence, found.delimiter, as_text), strict=True):
            column.plan = plan
        try:
            return _counted(Inspection(source, found, facts))
        except Misfit as misfit:
            as_text[misfit.column] = misfit.reason or NOT_EXACT


def _counted(inspection: Inspection) -> Inspection:
    """Con los tipos ya decididos, las filas buenas y las que apartaría; `Misfit` si hay que decidir otra vez."""
    plans, impossible = [column.plan for column in inspection.columns], ImpossibleDates()
    with open_rows(inspection.source) as (_, chunks):
        for chunk in chunks:
            rows, rejects = convert(chunk, plans)
            impossible.count(rejects, len(chunk.lines))
            inspection.add(rows.num_rows, rejects)
    return inspection
