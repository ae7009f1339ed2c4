"""Cómo se conecta Alembic y qué tablas compara: las declaradas (`datos`) y las del registro (`etl`)."""

from pathlib import Path

import sqlalchemy as sa
from alembic import context

import compare  # este y «registry», de esta carpeta
import registry
from etl.database.connection import OWNER, connect
from etl.dataset import Dataset
from etl.declarations import import_declared
from etl.settings import load_settings

SCHEMAS = ("datos", "etl")
AFTER = Path(__file__).with_name("after.sql").read_text(encoding="utf-8").replace("%", "%%")


def our_schemas(name, kind, _parents):
    """`staging` y `marts` no son de Alembic: se borran y se rehacen solos."""
    return kind != "schema" or name in SCHEMAS


def finish_revision(migration_context, _revision, directives):
    """Una migración recién comparada: con su nombre y en orden. Sin cambios, ninguna."""
    script = directives[0]
    asked = script.message if script.message != "empty message" else None
    if waiting := compare.finish(migration_context, script, asked):
        notes.extend(["Queda algo por hacer:", *(f"- {text}." for text in waiting), f"{compare.NEXT}."])
    if getattr(context.config.cmd_opts, "autogenerate", False) and script.upgrade_ops.is_empty():
        directives.clear()


def own_or_given():
    """La configuración de quien usa «alembic» a secas: el servidor de DB_HOST o, sin él, el propio."""
    settings = load_settings()
    if settings.db_host:  # el núcleo solo también llega aquí
        return settings
    from extras.settings import with_server

    return with_server(settings)


def connection():
    settings = context.config.attributes.get("settings") or own_or_given()
    opened = connect(settings, role=OWNER)
    # Con «datos» en el search_path, Alembic lo toma por el esquema por omisión y no ve sus tablas.
    opened.execute("SET search_path = pg_catalog")
    opened.autocommit = False
    return opened


notes = []  # lo que la migración dice de sí misma a quien la revisa
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
        process_revision_directives=finish_revision,
        template_args={"notes": notes},
    )
    with context.begin_transaction():
        context.run_migrations()
        prepared = bind.dialect.has_table(bind, "loads", schema="etl")  # tras deshacerlo todo, no
        if prepared and not getattr(context.config.cmd_opts, "autogenerate", False):
            bind.exec_driver_sql(AFTER)
