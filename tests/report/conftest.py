"""Un informe de ejemplo hecho a mano, sin base de datos: con todos los destinos y con mala intención."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from extras.report.figures import Example, Figures, FileFate, Mart, Quality

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
ATTACK = "<script>alert('x')</script>\"><img src=http://malo.example/x.png>"


def fate(file: str, status: str = "loaded", error: str | None = None, read: int = 1000) -> FileFate:
    counts = (read, read - 30, 10, 20) if status == "loaded" else (0, 0, 0, 0)
    return FileFate(file, "datos.ventas", status, 123_456, "utf-8", *counts, 0.25, NOW, error, ["un aviso"])


@pytest.fixture
def figures() -> Figures:
    """Dos archivos cargados, uno rechazado, tres marts y textos que intentan colarse como HTML."""
    months = [date(2025, month, 1) for month in range(1, 13)]
    return Figures(
        database="curso_bigdata",
        server="16.14",
        taken_at=NOW,
        files=[fate(f"{ATTACK}.csv", "refused", f"No vale: {ATTACK}"), fate("ventas_01.csv"), fate("ventas_02.csv")],
        qualities=[Quality("datos.ventas", 2, 2000, 1940, 20, 40, 7)],
        examples=[
            Example("datos.ventas", "precio", f"motivo{number}", 40 - number, "ventas_01.csv", 7, ATTACK, ATTACK)
            for number in range(9)
        ],
        loads=[fate("ventas_01.csv"), fate("ventas_02.csv", read=500)],
        marts=[
            Mart(
                "ventas_mensuales",
                "Una fila por mes y canal.",
                ["mes", "canal", "importe_eur"],
                [(day, canal, Decimal("1234.50")) for day in months for canal in ("tienda", "web")],
            ),
            Mart(
                "top", "Una fila por producto.", ["nombre", "importe_eur"], [(ATTACK, Decimal(9)), ("Pan", Decimal(3))]
            ),
            Mart(
                "rfm",
                "",
                ["cliente_id", "r", "f", "gasto_eur"],
                [(n, n % 5 + 1, 5 - n % 5, Decimal(10 * n)) for n in range(1, 11)],
            ),
            Mart("suelto", "", ["codigo"], [(7,), (8,)]),
            Mart("vacio", "", ["nombre", "importe_eur"], []),
        ],
    )
