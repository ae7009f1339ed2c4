"""TPC-H lineitem, la tabla de las mediciones. Grano: una fila por línea de pedido."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Interval
from sqlalchemy import Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset

Money = Annotated[Decimal, Ge(0)]


class Lineitem(Dataset):
    """CSV como lo escribe `tpchgen-cli csv`; importes en dólares."""

    __tablename__ = "lineitem"
    files = "lineitem*"

    l_orderkey: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    l_partkey: Mapped[int]
    l_suppkey: Mapped[int]
    l_linenumber: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    l_quantity: Mapped[Annotated[Decimal, Interval(gt=0, le=50)]] = mapped_column(Numeric(12, 2))
    l_extendedprice: Mapped[Money] = mapped_column(Numeric(12, 2))
    l_discount: Mapped[Annotated[Decimal, Interval(ge=0, le=1)]] = mapped_column(Numeric(12, 2))
    l_tax: Mapped[Money] = mapped_column(Numeric(12, 2))
    l_returnflag: Mapped[Literal["A", "N", "R"]]
    l_linestatus: Mapped[Literal["F", "O"]]
    l_shipdate: Mapped[date]
    l_commitdate: Mapped[date]
    l_receiptdate: Mapped[date]
    l_shipinstruct: Mapped[str] = mapped_column(String(25))
    l_shipmode: Mapped[str] = mapped_column(String(10))
    l_comment: Mapped[str] = mapped_column(String(44))
