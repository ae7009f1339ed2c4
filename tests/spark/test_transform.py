"""Una transformación en pandas deja lo mismo en este proceso y en los ejecutores de Spark."""

from decimal import Decimal
from pathlib import Path

import pytest

from etl.settings import Settings
from extras import elsewhere
from own_rows import query, run_with
from spark.parity import assert_equal, clear, state
from support import ServerAddress

pytestmark = pytest.mark.spark

# Como la escribe quien usa «--datasets»: en su carpeta, con un módulo suyo al lado.
LINES = '''"""Líneas. Grano: una por línea de un pedido."""

from decimal import Decimal
from typing import Annotated

from annotated_types import Ge
from sqlalchemy import Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset, computed
from etl.schema import Pattern

UNITS = Decimal(100)


def paid(off):
    return Decimal(1) - off / UNITS


class Linea(Dataset):
    """Un CSV; importes en euros."""

    __tablename__ = "lineas"
    files = "lineas*"

    linea_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    correo: Mapped[Annotated[str, Pattern("^[a-z]+@[a-z.]+$", "ana@correo.es")] | None] = mapped_column(String(40))
    cantidad: Mapped[int]
    precio: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    descuento: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    importe_eur: Mapped[Annotated[Decimal, Ge(0)]] = computed(Numeric(14, 2))

    @staticmethod
    def transform(lineas):
        if (lineas["cantidad"] == 13).any():
            raise ValueError("trece, no")
        lineas = lineas[lineas["cantidad"] != 99]
        return lineas.assign(
            correo=lineas["correo"].str.strip().str.lower(),
            importe_eur=lineas["cantidad"] * lineas["precio"] * paid(lineas["descuento"]),
        )
'''
ROWS = 60_000
# Una fila de cada mil, mala de una manera distinta cada vez.
BAD = ("13,1.00,0", "99,1.00,0", "-1,1.00,0", "dos,1.00,0", "1,1.00,x")


def write_lines(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("linea_id,correo,cantidad,precio,descuento\n")
        for number in range(1, ROWS + 1):
            values = (
                BAD[number // 1000 % len(BAD)]
                if number % 1000 == 0
                else f"{number % 9},{number % 97}.{number % 10}5,10"
            )
            file.write(f"{number}, Ana@Correo.ES ,{values}\n")


def test_both_engines_leave_the_same_rows_rejects_and_filtered(
    settings: Settings, database: ServerAddress, tmp_path: Path, java: None
) -> None:
    # Una tabla por servidor: las clases de una declaración no se van de SQLAlchemy mientras dure el proceso.
    table = f"lineas_{settings.db_port}"
    declared = tmp_path / f"{table}.py"
    declared.write_text(LINES.replace('"lineas"', f'"{table}"'))
    write_lines(settings.datos_dir / "lineas.csv")
    found = []
    tables = elsewhere.load(declared, settings)
    for engine in ("local", "spark"):
        [file] = run_with(settings, tables, engine=engine).files
        assert (file.status, file.reason) == ("loaded", None)
        assert (file.counts.read, file.counts.loaded) == (ROWS, ROWS - 60)
        found.append(state(database, (table,)))
        codes = query(settings, "SELECT code, count(*) FROM etl.rejects GROUP BY 1 ORDER BY 1")
        assert codes == [("filtered", 12), ("out_of_range", 12), ("transform", 12), ("type", 24)]
        [amount] = query(settings, f"SELECT importe_eur FROM datos.{table} WHERE linea_id = 8")
        assert amount == Decimal("63.72")  # 8 · 8,85 · 0,90
        clear(database, (table,))
    assert_equal(*found)
