"""mascotas.csv. Grano: una fila por mascota."""

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset
from etl.dialect import Dialect


class Mascotas(Dataset):
    """Escrita por «etl new»: revise tipos, reglas y clave."""

    __tablename__ = "mascotas"
    files = "mascotas*"
    dialect = Dialect(delimiter=";")

    mascota_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    cliente_id: Mapped[int] = mapped_column(ForeignKey("clientes.cliente_id"))
    nombre: Mapped[str] = mapped_column(String(10))
