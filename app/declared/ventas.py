"""Ventas de 2025, un archivo por mes. Grano: una fila por línea de venta."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Interval
from sqlalchemy import BigInteger, ForeignKey, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset, computed
from etl.dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd  # solo para la anotación: importarlo retrasaría todas las órdenes


class Venta(Dataset):
    """Fechas `dd/mm/aaaa`; precio por unidad en euros, antes del descuento (en %).

    `importe_eur` no está en el archivo: es el importe de la línea, con dos decimales, como en una factura.
    """

    __tablename__ = "ventas"
    files = "ventas*"
    dialect = Dialect(date_format="%d/%m/%Y")

    venta_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="número de línea de venta, por orden de fecha"
    )
    fecha_venta: Mapped[date] = mapped_column(comment="día de la venta")
    cliente_id: Mapped[int | None] = mapped_column(
        ForeignKey("clientes.cliente_id"), comment="quién compra; nulo si es anónimo"
    )
    producto_id: Mapped[int] = mapped_column(ForeignKey("productos.producto_id"), comment="qué se vende")
    tienda_id: Mapped[int] = mapped_column(
        ForeignKey("tiendas.tienda_id"), comment="tienda que vende o que sirve el pedido"
    )
    cantidad: Mapped[Annotated[int, Interval(ge=1, le=1000)]] = mapped_column(comment="unidades vendidas")
    precio_unitario: Mapped[Annotated[Decimal, Gt(0)]] = mapped_column(
        Numeric(10, 2), comment="precio de aquel día, en euros, sin descuento"
    )
    descuento_pct: Mapped[Annotated[Decimal, Interval(ge=0, le=100)]] = mapped_column(
        Numeric(5, 2), comment="descuento de la línea, en tanto por ciento"
    )
    canal: Mapped[Literal["tienda", "web", "telefono"]] = mapped_column(comment="por dónde se vendió")
    importe_eur: Mapped[Annotated[Decimal, Ge(0)]] = computed(
        Numeric(14, 2), comment="lo cobrado, en euros: cantidad × precio − descuento, al céntimo"
    )

    @staticmethod
    def transform(ventas: "pd.DataFrame") -> "pd.DataFrame":
        """Añade el importe. Con decimales de principio a fin: con coma flotante bailaría algún céntimo."""
        paid = Decimal(1) - ventas["descuento_pct"] / Decimal(100)
        return ventas.assign(importe_eur=ventas["cantidad"] * ventas["precio_unitario"] * paid)
