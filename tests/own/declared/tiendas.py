"""Tiendas físicas. Grano: una fila por tienda."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from annotated_types import Ge, Gt, Interval
from sqlalchemy import Double, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset


class Tienda(Dataset):
    """JSON lines; coordenadas en grados (WGS 84) y superficie en metros cuadrados."""

    __tablename__ = "tiendas"
    files = "tiendas*"

    tienda_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(primary_key=True, autoincrement=False)
    nombre: Mapped[str] = mapped_column(String(80))
    ciudad: Mapped[str] = mapped_column(String(60))
    provincia: Mapped[str] = mapped_column(String(40))
    superficie_m2: Mapped[Annotated[Decimal, Gt(0)]] = mapped_column(Numeric(8, 2))
    fecha_apertura: Mapped[date]
    latitud: Mapped[Annotated[float, Interval(ge=-90, le=90)]] = mapped_column(Double)
    longitud: Mapped[Annotated[float, Interval(ge=-180, le=180)]] = mapped_column(Double)
