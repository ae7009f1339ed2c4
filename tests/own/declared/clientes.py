"""Clientes con tarjeta de la tienda. Grano: una fila por cliente."""

from datetime import date
from typing import Annotated

from annotated_types import Ge
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset, row_check
from etl.schema import Pattern


class Cliente(Dataset):
    """CSV en UTF-8, separado por comas; el código postal es texto: «08001» empieza por cero."""

    __tablename__ = "clientes"
    __table_args__ = (
        row_check(
            "nacido_antes_de_alta", "fecha_nacimiento < fecha_alta", "la fecha de nacimiento es anterior a la de alta"
        ),
    )
    files = "clientes*"

    cliente_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(primary_key=True, autoincrement=False)
    nif: Mapped[Annotated[str, Pattern(r"^[0-9XYZ][0-9]{7}[A-Z]$", "12345678Z")]] = mapped_column(String(9))
    nombre: Mapped[str] = mapped_column(String(80), comment="nombre y apellidos")
    email: Mapped[Annotated[str, Pattern(r"^[^@ ]+@[^@ ]+\.[a-z]+$", "ana@correo.es")] | None] = mapped_column(
        String(120)
    )
    provincia: Mapped[str] = mapped_column(String(40))
    codigo_postal: Mapped[Annotated[str, Pattern(r"^[0-9]{5}$", "08001")]] = mapped_column(String(5))
    fecha_alta: Mapped[date]
    fecha_nacimiento: Mapped[date | None]
