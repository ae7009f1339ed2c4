"""El registro: el libro de cargas y la cuarentena."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, OID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loads",
        sa.Column("load_id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False, comment="la ejecución de «etl run»"),
        sa.Column("file", sa.Text(), nullable=False, comment="nombre del archivo; en un .zip, «archivo.zip/miembro»"),
        sa.Column("table_name", sa.Text(), nullable=False, comment="tabla de destino, con su esquema"),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True, comment="huella del contenido; nula si no se cargó"),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows_read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_loaded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_duplicate", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "reloads",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="cuántas veces se volvió a cargar el mismo contenido",
        ),
        sa.Column(
            "incomplete",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="puede traer filas que otra carga tenía y quitó: hay que repetirla",
        ),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=True),
        sa.Column("header", sa.ARRAY(sa.Text()), nullable=True, comment="las columnas del archivo, en su orden"),
        sa.Column(
            "dialect", JSONB(), nullable=True, comment="separador, comillas y escape; nulo si el formato no los tiene"
        ),
        sa.Column("warnings", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="por qué no se cargó"),
        sa.Column("declaration", sa.Text(), nullable=True, comment="huella de la declaración con que se leyó"),
        sa.Column("keys", JSONB(), nullable=True, comment="entre qué valores están sus claves; nulo si no se sabe"),
        sa.Column(
            "ceded",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="otra carga posterior se quedó con alguna de sus filas",
        ),
        sa.CheckConstraint("status <> 'loaded' OR sha256 IS NOT NULL", name=op.f("ck_loads_loaded_has_sha256")),
        sa.CheckConstraint(
            "status IN ('loading', 'loaded', 'replaced', 'refused', 'failed')", name=op.f("ck_loads_status")
        ),
        sa.CheckConstraint("rows_read = rows_loaded + rows_duplicate + rows_rejected", name=op.f("ck_loads_equation")),
        sa.CheckConstraint("rows_updated <= rows_loaded", name=op.f("ck_loads_updated_are_loaded")),
        sa.PrimaryKeyConstraint("load_id", name=op.f("pk_loads")),
        schema="etl",
        comment="Libro de cargas. Grano: un archivo en una ejecución.",
    )
    op.create_index("ix_loads_known", "loads", ["table_name", "bytes"], unique=False, schema="etl")
    op.create_table(
        "rejects",
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False, comment="línea del archivo en que empieza la fila, desde 1"),
        sa.Column("raw", sa.Text(), nullable=False, comment="la fila tal como estaba"),
        sa.Column("column_name", sa.Text(), nullable=True, comment="nula si falla la fila entera"),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False, comment="motivo, para agrupar"),
        sa.Column("message", sa.Text(), nullable=False, comment="motivo, para leer"),
        sa.ForeignKeyConstraint(
            ["load_id"], ["etl.loads.load_id"], name=op.f("fk_rejects_load_id"), ondelete="CASCADE"
        ),
        schema="etl",
        comment="Cuarentena. Grano: una fila que no se cargó.",
    )
    op.create_index("ix_rejects_load_id", "rejects", ["load_id"], unique=False, schema="etl")
    op.create_table(
        "marts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("table_oid", OID(), nullable=False, comment="la tabla que se hizo; si hay otra, no es esta"),
        sa.Column("query", sa.Text(), nullable=False, comment="huella de su SELECT"),
        sa.Column("reads", sa.ARRAY(sa.Text()), nullable=True, comment="tablas que lee; nulo si pueden ser todas"),
        sa.Column("loads", sa.Text(), nullable=False, comment="qué cargas de esas tablas había al hacerlo"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marts")),
        schema="etl",
        comment="De qué salió cada mart. Grano: un mart.",
    )
    op.create_table(
        "migrations",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_migrations")),
        schema="etl",
        comment="Las migraciones aplicadas, por si se borra el archivo de alguna. Grano: una migración.",
    )
    # Lo que dice se escribe en un archivo que después se ejecuta: no es cosa del cargador.
    op.execute("REVOKE INSERT, UPDATE, DELETE ON etl.migrations, etl.alembic_version FROM etl_loader")


def downgrade() -> None:
    op.drop_table("migrations", schema="etl")
    op.drop_table("marts", schema="etl")
    op.drop_table("rejects", schema="etl")
    op.drop_table("loads", schema="etl")
    # De «after.sql».
    op.execute("DROP TABLE IF EXISTS etl.touched, etl.grains, etl.borrowed")
    op.execute(
        "DROP FUNCTION IF EXISTS etl.note_load, etl.note_gone, etl.take_key, etl.give_key_back, etl.check_references,"
        " etl.pause_references, etl.resume_references, etl.all_is_back CASCADE"
    )
