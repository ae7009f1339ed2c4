"""Cómo se conecta Alembic y qué tablas compara: las declaradas (`datos`) y las del registro (`etl`)."""

import sqlalchemy as sa
from alembic import context

import registry  # la de esta carpeta
from etl.database.connection import OWNER, connect
from etl.dataset import Dataset
from etl.declarations import import_declared
from etl.settings import load_settings

SCHEMAS = ("datos", "etl")


def our_schemas(name, kind, _parents):
    """`staging` y `marts` no son de Alembic: se borran y se rehacen solos."""
    return kind != "schema" or name in SCHEMAS


def number_revision(migration_context, _revision, directives):
    """Las migraciones se llaman 0001, 0002, …: el orden se ve en la carpeta. Sin cambios, no hay migración."""
    last = migration_context.script.get_current_head() or "0"
    directives[0].rev_id = f"{int(last) + 1:04d}"
    if context.config.cmd_opts is not None and directives[0].upgrade_ops.is_empty():
        directives.clear()
        return
    for change in directives[0].upgrade_ops.ops:
        for added in getattr(change, "ops", []):
            column = getattr(added, "column", None)
            if column is not None and column.info.get("computed") and not column.nullable:
                # Las filas que ya hay no la tienen: se rellena con «etl run --again», y la siguiente
                # migración («etl revision») ve que falta el NOT NULL y lo pone.
                added.column = column._copy()
                added.column.nullable = True


def own_or_given():
    """La configuración de quien usa «alembic» a secas: el servidor de DB_HOST o, sin él, el propio."""
    settings = load_settings()
    if settings.db_host:
        return settings
    from extras.embedded.server import with_server

    return with_server(settings)


def connection():
    settings = context.config.attributes.get("settings") or own_or_given()
    opened = connect(settings, role=OWNER)
    # Con «datos» en el search_path, Alembic lo toma por el esquema por omisión y no ve sus tablas.
    opened.execute("SET search_path = pg_catalog")
    opened.autocommit = False
    return opened


import_declared()  # al importarse, declaran sus tablas
if context.is_offline_mode():
    raise SystemExit("Las migraciones se aplican con una conexión: use «etl migrate».")

# Sin reserva de conexiones: al acabar no queda ninguna abierta.
engine = sa.create_engine("postgresql+psycopg://", creator=connection, poolclass=sa.NullPool)
with engine.connect() as bind:
    context.configure(
        bind,
        target_metadata=[Dataset.metadata, registry.metadata],
        version_table_schema="etl",
        include_schemas=True,
        include_name=our_schemas,
        process_revision_directives=number_revision,
    )
    with context.begin_transaction():
        context.run_migrations()
