"""Una tabla madre por cada tipo que puede tener una clave, y una hija que apunta a todas."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

from etl.dataset import Dataset

# Nombre, tipo en la madre y en la hija, y tres valores como se escriben en el archivo: los dos primeros están
# en la madre; el tercero, no.
KINDS: dict[str, tuple[Any, Any, tuple[str, str, str]]] = {
    "texto": (sa.Text, sa.Text, ("a", "ñ \u00a0", "{a}")),
    "breve": (sa.String(5), sa.String(5), ("a", "abcde", "A")),
    "fijo": (sa.CHAR(4), sa.CHAR(4), ("ab", "abcd", "abc")),
    "largo_y_breve": (sa.String(2), sa.String(9), ("aa", "bb", "aaa")),
    "corto": (sa.SmallInteger, sa.SmallInteger, ("1", "-32768", "2")),
    "entero": (sa.Integer, sa.Integer, ("1", "2147483647", "2")),
    "largo": (sa.BigInteger, sa.BigInteger, ("1", "9223372036854775807", "2")),
    "largo_y_corto": (sa.SmallInteger, sa.BigInteger, ("1", "2", "9223372036854775807")),
    "importe": (sa.Numeric(12, 3), sa.Numeric(12, 3), ("1.500", "-0.001", "1.501")),
    "medida": (sa.Double, sa.Double, ("0.1", "1e300", "0.2")),
    "dia": (sa.Date, sa.Date, ("2024-02-29", "0001-01-01", "2024-03-01")),
    "momento": (sa.DateTime, sa.DateTime, ("2024-02-29 10:00:00", "9999-12-31 23:59:59", "2024-02-29 10:00:01")),
    "instante": (
        sa.DateTime(timezone=True),
        sa.DateTime(timezone=True),
        ("2024-02-29T10:00:00Z", "2024-02-29T10:00:00+05:30", "2024-02-29T10:00:01Z"),
    ),
    "activo": (sa.Boolean, sa.Boolean, ("sí", "sí", "no")),
}  # fmt: skip


def parent(kind: str) -> type[Dataset]:
    key = mapped_column(KINDS[kind][0], primary_key=True, autoincrement=False)
    name = f"madre_{kind}"
    return type(name, (Dataset,), {"__tablename__": name, "files": name, "clave": key})


def child() -> type[Dataset]:
    columns = {
        kind: mapped_column(mine, sa.ForeignKey(f"datos.madre_{kind}.clave"), nullable=True)
        for kind, (_, mine, _) in KINDS.items()
    }
    number = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    return type("Hija", (Dataset,), {"__tablename__": "hija", "files": "hija", "numero": number, **columns})


PARENTS = [parent(kind) for kind in KINDS]
CHILD = child()
