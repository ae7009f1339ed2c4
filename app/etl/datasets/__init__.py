"""Una declaración por archivo. Para añadir una: copie la más parecida y créele su migración.

alembic -c sql/alembic.ini revision --autogenerate -m "mi tabla"
"""

from etl.datasets.clientes import Cliente
from etl.datasets.productos import Producto
from etl.datasets.tiendas import Tienda
from etl.datasets.ventas import Venta

__all__ = ["Cliente", "Producto", "Tienda", "Venta"]
