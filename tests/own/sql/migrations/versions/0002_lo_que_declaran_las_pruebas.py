"""Las tablas que declaran las pruebas (tests/own/declared), tal como son ahora."""

from typing import cast

import sqlalchemy as sa
from alembic import op

from declared.clientes import Cliente
from declared.productos import Producto
from declared.tiendas import Tienda
from declared.ventas import Venta
from etl.dataset import Dataset

revision, down_revision = "0002", "0001"
TABLES = [cast(sa.Table, dataset.__table__) for dataset in (Cliente, Producto, Tienda, Venta)]


def upgrade() -> None:
    Dataset.metadata.create_all(op.get_bind(), TABLES)


def downgrade() -> None:
    Dataset.metadata.drop_all(op.get_bind(), TABLES)
