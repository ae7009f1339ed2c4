"""Lo que dicen de sí las tablas de la tienda, también en las bases de datos que ya las tienen."""

from alembic import op

revision = "0002_descripciones"
down_revision = "0002_grupos"
branch_labels = None
depends_on = None

SAID = {
    "clientes": (
        "Clientes con tarjeta de la tienda. Grano: una fila por cliente.",
        {
            "cliente_id": "número de cliente, por orden de alta",
            "nif": "NIF o NIE, con su letra de control",
            "nombre": "nombre y dos apellidos",
            "email": "correo, en minúsculas",
            "provincia": "provincia donde vive",
            "codigo_postal": "texto: el cero inicial cuenta",
            "fecha_alta": "día en que se hizo cliente",
            "fecha_nacimiento": "día en que nació",
        },
    ),
    "productos": (
        "Catálogo de la tienda. Grano: una fila por producto.",
        {
            "producto_id": "número de producto",
            "nombre": "artículo y marca",
            "categoria": "sección de la tienda",
            "precio": "precio de venta actual, en euros",
            "coste": "lo que cuesta a la tienda, en euros",
            "peso_kg": "en kilogramos; una licencia no pesa",
            "activo": "si sigue a la venta",
        },
    ),
    "tiendas": (
        "Tiendas físicas. Grano: una fila por tienda.",
        {
            "tienda_id": "número de tienda",
            "nombre": "cómo se llama",
            "ciudad": "ciudad en que está",
            "provincia": "provincia en que está",
            "superficie_m2": "superficie de venta, en metros cuadrados",
            "fecha_apertura": "día en que abrió",
            "latitud": "de la ciudad, en grados; sur, negativa",
            "longitud": "de la ciudad, en grados; oeste, negativa",
        },
    ),
    "ventas": (
        "Ventas de 2025, un archivo por mes. Grano: una fila por línea de venta.",
        {
            "venta_id": "número de línea de venta, por orden de fecha",
            "fecha_venta": "día de la venta",
            "cliente_id": "quién compra; nulo si es anónimo",
            "producto_id": "qué se vende",
            "tienda_id": "tienda que vende o que sirve el pedido",
            "cantidad": "unidades vendidas",
            "precio_unitario": "precio de aquel día, en euros, sin descuento",
            "descuento_pct": "descuento de la línea, en tanto por ciento",
            "canal": "por dónde se vendió",
            "importe_eur": "lo cobrado, en euros: cantidad × precio − descuento, al céntimo",
        },
    ),
}
OURS = {"_load_id": "su carga, en etl.loads", "_line": "su línea en el archivo"}


def upgrade() -> None:
    for table, (comment, columns) in SAID.items():
        op.create_table_comment(table, comment, schema="datos")
        for column, text in {**columns, **OURS}.items():
            op.alter_column(table, column, comment=text, schema="datos")


def downgrade() -> None:
    """Nada: lo que hay ahí no estorba."""
