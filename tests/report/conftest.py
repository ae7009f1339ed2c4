"""Un informe de ejemplo hecho a mano, sin base de datos: con todos los destinos y con mala intención."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from extras.catalog.tables import Column, Table
from extras.profile.profile import ColumnProfile, Profile
from extras.report.figures import Figures, Mart

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
ATTACK = "<script>alert('x')</script>\"><img src=http://malo.example/x.png>"


class Fate(NamedTuple):
    """Una fila de `FILES` o de `LOADS`."""

    file: str
    status: str
    error: str | None
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int
    table_name: str = "datos.ventas"
    bytes: int = 123_456
    seconds: float = 0.25
    started_at: datetime = NOW
    warnings: Sequence[str] = ("un aviso",)


class Quality(NamedTuple):
    """Una fila de `QUALITY`."""

    table_name: str
    files: int
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int
    rows_repaired: int


class Example(NamedTuple):
    """Una fila de `EXAMPLES`."""

    table_name: str
    column_name: str | None
    code: str
    total: int
    file: str
    line: int
    raw: str
    message: str


class Change(NamedTuple):
    """Una fila de `CHANGES`."""

    table_name: str
    files_new: int
    files_again: int
    files_outside: int
    rows_new: int
    rows_updated: int
    rows_rejected: int
    rows_repaired: int
    started_at: datetime
    seconds: float


def fate(file: str, status: str = "loaded", error: str | None = None, read: int = 1000) -> Fate:
    counts = (read, read - 30, 10, 20) if status == "loaded" else (0, 0, 0, 0)
    return Fate(file, status, error, *counts)


def mart(name: str, grain: str, names: list[str], rows: Sequence[tuple[Any, ...]]) -> Mart:
    return Mart(name, grain, {column: [row[at] for row in rows] for at, column in enumerate(names)})


def sold(rows: int, sampled: int | None) -> tuple[Table, Profile]:
    """Una tabla con una columna dibujada y 120 de nombre hostil, de las que se miran 99."""
    key = Column("venta_id", "bigint", "bigint", False, True, "número de venta", [["datos", "tickets", "venta_id"]])
    names = [ATTACK, *(f"{ATTACK}{number}" for number in range(119))]
    others = [Column(name, "text", "text", True, False, ATTACK, []) for name in names]
    drawn = ColumnProfile("venta_id", "bigint", 0, rows, "1", "9", [("7", 3)], [5, 0, 1])
    blank = [ColumnProfile(name, "text", rows, 0, None, None, [(ATTACK, 2)], []) for name in names[:99]]
    return Table("datos", "ventas", "r", ATTACK, [key, *others]), Profile(
        "datos.ventas", rows, sampled, [drawn, *blank]
    )


@pytest.fixture
def figures() -> Figures:
    """Dos archivos cargados, uno rechazado, tres marts y textos que intentan colarse como HTML."""
    months = [date(2025, month, 1) for month in range(1, 13)]
    return Figures(
        database="curso_bigdata",
        server="16.14",
        taken_at=NOW,
        changes=[
            Change("datos.ventas", 1, 2, 1, 1230, 1, 20, 2, NOW, 0.5),
            Change(ATTACK, 1, 0, 0, 1, 0, 0, 0, NOW, 0.25),
        ],
        files=[fate(f"{ATTACK}.csv", "refused", f"No vale: {ATTACK}"), fate("ventas_01.csv"), fate("ventas_02.csv")],
        qualities=[Quality("datos.ventas", 2, 2000, 1940, 20, 40, 7)],
        examples=[
            Example("datos.ventas", "precio", f"motivo{number}", 40 - number, "ventas_01.csv", 7, ATTACK, ATTACK)
            for number in range(9)
        ],
        loads=[fate("ventas_01.csv"), fate("ventas_02.csv", read=500)],
        tables=[sold(1000, None), sold(5_000_000, 200_000)],
        marts=[
            mart(
                "ventas_mensuales",
                "Una fila por mes y canal.",
                ["mes", "canal", "importe_eur"],
                [(day, canal, Decimal("1234.50")) for day in months for canal in ("tienda", "web")],
            ),
            mart(
                "top", "Una fila por producto.", ["nombre", "importe_eur"], [(ATTACK, Decimal(9)), ("Pan", Decimal(3))]
            ),
            mart(
                "rfm",
                "",
                ["cliente_id", "r", "f", "gasto_eur"],
                [(n, n % 5 + 1, 5 - n % 5, Decimal(10 * n)) for n in range(1, 11)],
            ),
            mart("suelto", "", ["codigo"], [(7,), (8,)]),
            mart("vacio", "", ["nombre", "importe_eur"], []),
        ],
    )
