"""Una declaración con una columna de cada tipo que se puede declarar, para las pruebas."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import BigInteger, DateTime, Double, Numeric, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset


class AllTypes(Dataset):
    """Todo es opcional menos la clave; los nombres dicen el tipo."""

    __tablename__ = "todos_los_tipos"
    files = "todos_los_tipos*"

    numero: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    corto: Mapped[int | None] = mapped_column(SmallInteger)
    entero: Mapped[int | None]
    largo: Mapped[int | None] = mapped_column(BigInteger)
    importe: Mapped[Decimal | None] = mapped_column(Numeric(12, 3))
    enorme: Mapped[Decimal | None] = mapped_column(Numeric(38, 10))
    medida: Mapped[float | None] = mapped_column(Double)
    dia: Mapped[date | None]
    momento: Mapped[datetime | None]
    instante: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    activo: Mapped[bool | None]
    texto: Mapped[str | None]
    breve: Mapped[str | None] = mapped_column(String(5))
    canal: Mapped[Literal["web", "teléfono", "1", ""] | None]
