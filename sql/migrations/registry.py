"""Las tablas del registro: `etl.loads` (el libro de cargas), `etl.rejects` (las apartadas), `etl.marts` y `etl.migrations`.

Solo su forma, para Alembic; las escriben `load/ledger.py`, `load/table.py`, `load/marts.py` y `database/migrate.py`.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, OID

from etl.dataset import NAMING

metadata = sa.MetaData(schema="etl", naming_convention=NAMING)

EQUATION = "rows_read = rows_loaded + rows_duplicate + rows_rejected"

loads = sa.Table(
    "loads",
    metadata,
    sa.Column("load_id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("run_id", sa.Uuid, nullable=False, comment="la ejecución de «etl run»"),
    sa.Column("file", sa.Text, nullable=False, comment="nombre del archivo; en un .zip, «archivo.zip/miembro»"),
    sa.Column("table_name", sa.Text, nullable=False, comment="tabla de destino, con su esquema"),
    sa.Column("engine", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, comment="huella del contenido; nula si no se cargó"),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    *(
        sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        for name in ("rows_read", "rows_loaded", "rows_updated", "rows_duplicate", "rows_rejected")
    ),
    sa.Column(
        "reloads",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="cuántas veces se volvió a cargar el mismo contenido",
    ),
    sa.Column(
        "incomplete",
        sa.Boolean,
        nullable=False,
        server_default="false",
        comment="puede traer filas que otra carga tenía y quitó: hay que repetirla",
    ),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("encoding", sa.Text),
    sa.Column("header", sa.ARRAY(sa.Text), comment="las columnas del archivo, en su orden"),
    sa.Column("dialect", JSONB, comment="separador, comillas y escape; nulo si el formato no los tiene"),
    sa.Column("warnings", sa.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("error", sa.Text, comment="por qué no se cargó"),
    sa.Column("declaration", sa.Text, comment="huella de la declaración con que se leyó"),
    sa.Column("keys", JSONB, comment="entre qué valores están sus claves; nulo si no se sabe"),
    sa.Column(
        "ceded",
        sa.Boolean,
        nullable=False,
        server_default="false",
        comment="otra carga posterior se quedó con alguna de sus filas",
    ),
    sa.CheckConstraint(EQUATION, name="equation"),
    sa.CheckConstraint("rows_updated <= rows_loaded", name="updated_are_loaded"),
    sa.CheckConstraint("status IN ('loading', 'loaded', 'replaced', 'refused', 'failed')", name="status"),
    sa.CheckConstraint("status <> 'loaded' OR sha256 IS NOT NULL", name="loaded_has_sha256"),
    comment="Libro de cargas. Grano: un archivo en una ejecución.",
)
sa.Index("ix_loads_known", loads.c.table_name, loads.c.bytes)
# Estos dos los crea «after.sql».
sa.Index("ix_loads_file", loads.c.file)
sa.Index("ix_loads_sha256", loads.c.sha256)

rejects = sa.Table(
    "rejects",
    metadata,
    sa.Column("load_id", sa.ForeignKey("etl.loads.load_id", ondelete="CASCADE"), nullable=False),
    sa.Column("line", sa.BigInteger, nullable=False, comment="línea del archivo en que empieza la fila, desde 1"),
    sa.Column("raw", sa.Text, nullable=False, comment="la fila tal como estaba"),
    sa.Column("column_name", sa.Text, comment="nula si falla la fila entera"),
    sa.Column("value", sa.Text),
    sa.Column("code", sa.Text, nullable=False, comment="motivo, para agrupar"),
    sa.Column("message", sa.Text, nullable=False, comment="motivo, para leer"),
    comment="Cuarentena. Grano: una fila que no se cargó.",
)
sa.Index("ix_rejects_load_id", rejects.c.load_id)

migrations = sa.Table(
    "migrations",
    metadata,
    sa.Column("revision", sa.Text, primary_key=True),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    comment="Las migraciones aplicadas, por si se borra el archivo de alguna. Grano: una migración.",
)

marts = sa.Table(
    "marts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("table_oid", OID, nullable=False, comment="la tabla que se hizo; si hay otra, no es esta"),
    sa.Column("query", sa.Text, nullable=False, comment="huella de su SELECT"),
    sa.Column("reads", sa.ARRAY(sa.Text), comment="tablas que lee; nulo si pueden ser todas"),
    sa.Column("loads", sa.Text, nullable=False, comment="qué cargas de esas tablas había al hacerlo"),
    comment="De qué salió cada mart. Grano: un mart.",
)

# Estas las crea «after.sql», con lo que las llena.
grains = sa.Table(
    "grains",
    metadata,
    sa.Column("mart", sa.Text, primary_key=True),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("columns", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("numbers", sa.ARRAY(sa.SmallInteger), nullable=False),
    sa.Column("filenode", OID),
)
touched = sa.Table(
    "touched",
    metadata,
    sa.Column("mart", sa.Text, nullable=False),
    sa.Column("column_name", sa.Text, nullable=False),
    sa.Column("value", sa.Text),
)
borrowed = sa.Table(
    "borrowed",
    metadata,
    sa.Column("table_oid", OID, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("definition", sa.Text),
)
