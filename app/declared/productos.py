"""Catálogo de la tienda. Grano: una fila por producto."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from sqlalchemy import Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset, row_check
from etl.dialect import Dialect


class Producto(Dataset):
    """Exportado con un Excel en español: Latin-1, punto y coma, «1.234,56»; importes en euros."""

    __tablename__ = "productos"
    __table_args__ = (row_check("coste_hasta_precio", "coste <= precio", "el coste no supera el precio"),)
    files = "productos*"
    dialect = Dialect(delimiter=";", encoding="latin-1", decimal=",", thousands=".", nulls=("", "N/D"))

    producto_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(
        primary_key=True, autoincrement=False, comment="número de producto"
    )
    nombre: Mapped[str] = mapped_column(String(80), comment="artículo y marca")
    categoria: Mapped[Literal["Alimentación", "Bebidas", "Hogar", "Papelería", "Electrónica", "Ropa"]] = mapped_column(
        comment="sección de la tienda"
    )
    precio: Mapped[Annotated[Decimal, Gt(0)]] = mapped_column(
        Numeric(10, 2), comment="precio de venta actual, en euros"
    )
    coste: Mapped[Annotated[Decimal, Ge(0)]] = mapped_column(
        Numeric(10, 2), comment="lo que cuesta a la tienda, en euros"
    )
    peso_kg: Mapped[Annotated[Decimal, Gt(0)] | None] = mapped_column(
        Numeric(8, 3), comment="en kilogramos; una licencia no pesa"
    )
    activo: Mapped[bool] = mapped_column(comment="si sigue a la venta")
