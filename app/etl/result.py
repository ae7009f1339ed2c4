"""Qué fue de cada archivo de una ejecución; `cli.py` lo enseña como tabla o como JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from uuid import UUID

from etl.load.ledger import Counts

Status = Literal["loaded", "skipped", "refused", "failed"]


@dataclass
class FileResult:
    """El destino de un archivo. `reason` explica por qué no se cargó; `seconds`, lo que tardó."""

    file: str
    dataset: str | None
    table: str | None
    status: Status
    counts: Counts = field(default_factory=Counts)
    bytes: int = 0
    seconds: float = 0.0
    reason: str | None = None
    encoding: str | None = None
    dialect: dict[str, str | None] | None = None
    header: bool | None = None
    preamble_rows: int | None = None
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        counts = {f"rows_{name}": value for name, value in asdict(self.counts).items()}
        fields = asdict(self)
        del fields["counts"]
        return {**fields, **counts, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Resources:
    """Lo que dio el clúster: la dirección del maestro, los ejecutores y sus núcleos en total."""

    master: str
    executors: int
    cores: int
    hosts: tuple[str, ...]

    def __str__(self) -> str:
        where = f" en {', '.join(self.hosts)}" if self.hosts else ""
        return f"Spark: maestro {self.master} · ejecutores: {self.executors}{where} · núcleos: {self.cores}"


@dataclass
class RunResult:
    """Una ejecución entera de `etl run`."""

    run_id: UUID
    engine: str
    files: list[FileResult] = field(default_factory=list)
    marts: list[str] = field(default_factory=list)
    # Con qué trabajó Spark; solo con ese motor.
    cluster: Resources | None = None

    @property
    def exit_code(self) -> int:
        """0 si todo se cargó o ya estaba (con rechazos o sin ellos); 3 si algún archivo no entró."""
        return 3 if any(file.status in ("refused", "failed") for file in self.files) else 0

    def to_json(self) -> dict[str, Any]:
        return {
            "run_id": str(self.run_id),
            "engine": self.engine,
            "marts": self.marts,
            "files": [file.to_json() for file in self.files],
            **({"spark": asdict(self.cluster)} if self.cluster else {}),
        }
