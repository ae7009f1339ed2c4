"""Clientes con tarjeta de la tienda. Grano: una fila por cliente."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset, row_check
from etl.schema import Pattern

if TYPE_CHECKING:
    import pandas as pd  # solo para la anotación: importarlo retrasaría todas las órdenes


class Cliente(Dataset):
    """CSV en UTF-8, separado por comas; el código postal es texto: «08001» empieza por cero."""

    __tablename__ = "clientes"
    __table_args__ = (
        row_check(
            "nacido_antes_de_alta", "fecha_nacimiento < fecha_alta", "la fecha de nacimiento es anterior a la de alta"
        ),
    )
    files = "clientes*"

    cliente_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(
        primary_key=True, autoincrement=False, comment="número de cliente, por orden de alta"
    )
    nif: Mapped[Annotated[str, Pattern(r"^[0-9XYZ][0-9]{7}[A-Z]$", "12345678Z")]] = mapped_column(
        String(9), comment="NIF o NIE, con su letra de control"
    )
    nombre: Mapped[str] = mapped_column(String(80), comment="nombre y dos apellidos")
    email: Mapped[Annotated[str, Pattern(r"^[^@ ]+@[^@ ]+\.[a-z]+$", "ana@correo.es")] | None] = mapped_column(
        String(120), comment="correo, en minúsculas"
    )
    provincia: Mapped[str] = mapped_column(String(40), comment="provincia donde vive")
    codigo_postal: Mapped[Annotated[str, Pattern(r"^[0-9]{5}$", "08001")]] = mapped_column(
        String(5), comment="texto: el cero inicial cuenta"
    )
    fecha_alta: Mapped[date] = mapped_column(comment="día en que se hizo cliente")
    fecha_nacimiento: Mapped[date | None] = mapped_column(comment="día en que nació")

    @staticmethod
    def transform(clientes: "pd.DataFrame") -> "pd.DataFrame":
        """Limpia el correo antes de que lo miren las reglas: « Ana@Correo.ES » es ana@correo.es."""
        return clientes.assign(email=clientes["email"].str.strip().str.lower())
