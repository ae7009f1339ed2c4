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

    tienda_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(
        primary_key=True, autoincrement=False, comment="número de tienda"
    )
    nombre: Mapped[str] = mapped_column(String(80), comment="cómo se llama")
    ciudad: Mapped[str] = mapped_column(String(60), comment="ciudad en que está")
    provincia: Mapped[str] = mapped_column(String(40), comment="provincia en que está")
    superficie_m2: Mapped[Annotated[Decimal, Gt(0)]] = mapped_column(
        Numeric(8, 2), comment="superficie de venta, en metros cuadrados"
    )
    fecha_apertura: Mapped[date] = mapped_column(comment="día en que abrió")
    latitud: Mapped[Annotated[float, Interval(ge=-90, le=90)]] = mapped_column(
        Double, comment="de la ciudad, en grados; sur, negativa"
    )
    longitud: Mapped[Annotated[float, Interval(ge=-180, le=180)]] = mapped_column(
        Double, comment="de la ciudad, en grados; oeste, negativa"
    )
