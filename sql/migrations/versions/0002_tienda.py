"""Las tablas de la tienda de ejemplo."""

import sqlalchemy as sa
from alembic import op

# Con apellido: quien ya tuviera una «0002» suya puede unirlas («etl revision»).
revision = "0002_tienda"
down_revision = "0001"
branch_labels = None
depends_on = None

# En las bases de datos de antes, la 0001 creaba también estas tablas, sin el importe, sin la huella y sin etl.migrations.
SINCE_THEN = """
CREATE TABLE etl.migrations (revision text CONSTRAINT pk_migrations PRIMARY KEY, file text NOT NULL, source text NOT NULL);
COMMENT ON TABLE etl.migrations IS
  'Las migraciones aplicadas, por si se borra el archivo de alguna. Grano: una migración.';
REVOKE INSERT, UPDATE, DELETE ON etl.migrations FROM etl_loader;
ALTER TABLE etl.loads ADD COLUMN declaration text;
COMMENT ON COLUMN etl.loads.declaration IS 'huella de la declaración con que se leyó';
ALTER TABLE datos.ventas ADD COLUMN importe_eur numeric(14, 2) CONSTRAINT ck_ventas_importe_eur CHECK (importe_eur >= 0);
UPDATE datos.ventas SET importe_eur = round(cantidad * precio_unitario * (1 - descuento_pct / 100), 2);
ALTER TABLE datos.ventas ALTER COLUMN importe_eur SET NOT NULL
"""


def upgrade() -> None:
    if op.get_bind().dialect.has_table(op.get_bind(), "ventas", schema="datos"):
        op.execute(SINCE_THEN)
        return
    op.create_table(
        "clientes",
        sa.Column("cliente_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nif", sa.String(length=9), nullable=False),
        sa.Column("nombre", sa.String(length=80), nullable=False),
        sa.Column("email", sa.String(length=120), nullable=True),
        sa.Column("provincia", sa.String(length=40), nullable=False),
        sa.Column("codigo_postal", sa.String(length=5), nullable=False),
        sa.Column("fecha_alta", sa.Date(), nullable=False),
        sa.Column("fecha_nacimiento", sa.Date(), nullable=True),
        sa.Column("_load_id", sa.Integer(), nullable=False),
        sa.Column("_line", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("codigo_postal ~ '^[0-9]{5}$'", name=op.f("ck_clientes_codigo_postal")),
        sa.CheckConstraint("email ~ '^[^@ ]+@[^@ ]+\\.[a-z]+$'", name=op.f("ck_clientes_email")),
        sa.CheckConstraint("nif ~ '^[0-9XYZ][0-9]{7}[A-Z]$'", name=op.f("ck_clientes_nif")),
        sa.CheckConstraint("cliente_id >= 1", name=op.f("ck_clientes_cliente_id")),
        sa.CheckConstraint("fecha_nacimiento < fecha_alta", name=op.f("ck_clientes_nacido_antes_de_alta")),
        sa.PrimaryKeyConstraint("cliente_id", name=op.f("pk_clientes")),
        schema="datos",
    )
    op.create_table(
        "productos",
        sa.Column("producto_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nombre", sa.String(length=80), nullable=False),
        sa.Column(
            "categoria",
            sa.Enum("Alimentación", "Bebidas", "Hogar", "Papelería", "Electrónica", "Ropa", native_enum=False),
            nullable=False,
        ),
        sa.Column("precio", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("coste", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("peso_kg", sa.Numeric(precision=8, scale=3), nullable=True),
        sa.Column("activo", sa.Boolean(), nullable=False),
        sa.Column("_load_id", sa.Integer(), nullable=False),
        sa.Column("_line", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "categoria IN ('Alimentación', 'Bebidas', 'Hogar', 'Papelería', 'Electrónica', 'Ropa')",
            name=op.f("ck_productos_categoria"),
        ),
        sa.CheckConstraint("coste <= precio", name=op.f("ck_productos_coste_hasta_precio")),
        sa.CheckConstraint("coste >= 0", name=op.f("ck_productos_coste")),
        sa.CheckConstraint("peso_kg > 0", name=op.f("ck_productos_peso_kg")),
        sa.CheckConstraint("precio > 0", name=op.f("ck_productos_precio")),
        sa.CheckConstraint("producto_id >= 1", name=op.f("ck_productos_producto_id")),
        sa.PrimaryKeyConstraint("producto_id", name=op.f("pk_productos")),
        schema="datos",
    )
    op.create_table(
        "tiendas",
        sa.Column("tienda_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nombre", sa.String(length=80), nullable=False),
        sa.Column("ciudad", sa.String(length=60), nullable=False),
        sa.Column("provincia", sa.String(length=40), nullable=False),
        sa.Column("superficie_m2", sa.Numeric(precision=8, scale=2), nullable=False),
        sa.Column("fecha_apertura", sa.Date(), nullable=False),
        sa.Column("latitud", sa.Double(), nullable=False),
        sa.Column("longitud", sa.Double(), nullable=False),
        sa.Column("_load_id", sa.Integer(), nullable=False),
        sa.Column("_line", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("latitud <= 90", name=op.f("ck_tiendas_latitud_2")),
        sa.CheckConstraint("latitud >= -90", name=op.f("ck_tiendas_latitud_1")),
        sa.CheckConstraint("longitud <= 180", name=op.f("ck_tiendas_longitud_2")),
        sa.CheckConstraint("longitud >= -180", name=op.f("ck_tiendas_longitud_1")),
        sa.CheckConstraint("superficie_m2 > 0", name=op.f("ck_tiendas_superficie_m2")),
        sa.CheckConstraint("tienda_id >= 1", name=op.f("ck_tiendas_tienda_id")),
        sa.PrimaryKeyConstraint("tienda_id", name=op.f("pk_tiendas")),
        schema="datos",
    )
    op.create_table(
        "ventas",
        sa.Column("venta_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fecha_venta", sa.Date(), nullable=False),
        sa.Column("cliente_id", sa.Integer(), nullable=True),
        sa.Column("producto_id", sa.Integer(), nullable=False),
        sa.Column("tienda_id", sa.Integer(), nullable=False),
        sa.Column("cantidad", sa.Integer(), nullable=False),
        sa.Column("precio_unitario", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("descuento_pct", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("canal", sa.Enum("tienda", "web", "telefono", native_enum=False), nullable=False),
        sa.Column("importe_eur", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("_load_id", sa.Integer(), nullable=False),
        sa.Column("_line", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("canal IN ('tienda', 'web', 'telefono')", name=op.f("ck_ventas_canal")),
        sa.CheckConstraint("cantidad <= 1000", name=op.f("ck_ventas_cantidad_2")),
        sa.CheckConstraint("cantidad >= 1", name=op.f("ck_ventas_cantidad_1")),
        sa.CheckConstraint("descuento_pct <= 100", name=op.f("ck_ventas_descuento_pct_2")),
        sa.CheckConstraint("descuento_pct >= 0", name=op.f("ck_ventas_descuento_pct_1")),
        sa.CheckConstraint("importe_eur >= 0", name=op.f("ck_ventas_importe_eur")),
        sa.CheckConstraint("precio_unitario > 0", name=op.f("ck_ventas_precio_unitario")),
        sa.CheckConstraint("venta_id >= 1", name=op.f("ck_ventas_venta_id")),
        sa.ForeignKeyConstraint(
            ["cliente_id"], ["datos.clientes.cliente_id"], name=op.f("fk_ventas_cliente_id"), deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["producto_id"], ["datos.productos.producto_id"], name=op.f("fk_ventas_producto_id"), deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["tienda_id"], ["datos.tiendas.tienda_id"], name=op.f("fk_ventas_tienda_id"), deferrable=True
        ),
        sa.PrimaryKeyConstraint("venta_id", name=op.f("pk_ventas")),
        schema="datos",
    )


def downgrade() -> None:
    for table in ("ventas", "tiendas", "productos", "clientes"):
        op.drop_table(table, schema="datos")
