"""Una tabla madre grande y su hija, para medir las claves foráneas. Grano: un pedido; un albarán."""

from datetime import date
from typing import Annotated

from annotated_types import Ge
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset


class Pedido(Dataset):
    """Con una clave de una sola columna, a la que otra tabla puede apuntar."""

    __tablename__ = "pedidos"
    files = "pedidos*"

    pedido_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(primary_key=True, autoincrement=False)
    fecha: Mapped[date]


class Albaran(Dataset):
    """Las entregas de los pedidos."""

    __tablename__ = "albaranes"
    files = "albaranes*"

    albaran_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(primary_key=True, autoincrement=False)
    pedido_id: Mapped[int] = mapped_column(ForeignKey("pedidos.pedido_id"))
