"""Las tablas de `staging`: una por archivo sin declarar, creadas y sustituidas por el cargador.

Aquí están las sentencias; cuándo se ejecutan lo decide `one_table.py`, dentro de su transacción.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
from psycopg import Connection, errors, sql

from etl.errors import FileFailed
from etl.extract.source import Source, fingerprint
from etl.load.ledger import Load
from etl.reader import order
from extras.undeclared import formats
from extras.undeclared.infer import Plan
from extras.undeclared.names import MAX_BYTES, table_name, table_of

SCHEMA = "staging"
AS_TEXT = "Archivo sin declarar, todo como texto: "
TYPED = "Archivo sin declarar: "
ARROW_TYPES = {
    "bigint": pa.int64(),
    "numeric": pa.decimal128(38, 0),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
    "interval": pa.duration("us"),
    "bytea": pa.binary(),
}


def table_for(connection: Connection[Any], source: Source) -> str:
    """El nombre de la tabla de un archivo; si otro ya lo usa, con el de su carpeta o su extensión."""
    base = table_of(source)
    path = Path(source.name.removesuffix(source.inside))
    candidates = [base, table_name(f"{base[:50]}_{source.suffix.strip('.')}")]
    if len(path.parts) > 1:
        candidates.insert(1, table_name(f"{path.parent.name[:30]}_{base}"))
    candidates += [f"{base[:50]}_{number}" for number in range(2, 100)]
    # De qué archivo salió cada tabla que existe; otro puede haberla completado después.
    owners = connection.execute(
        "SELECT DISTINCT ON (table_name) table_name, file FROM etl.loads WHERE table_name = ANY(%s)"
        " AND status = 'loaded' AND to_regclass(table_name) IS NOT NULL ORDER BY table_name, load_id",
        ([f"{SCHEMA}.{name}" for name in candidates],),
    ).fetchall()
    taken = {table for table, file in owners if file != source.name}
    return next((name for name in candidates if f"{SCHEMA}.{name}" not in taken), base)


def known_as(connection: Connection[Any], load: Load, as_text: bool) -> str | None:
    """La tabla que ya tiene este contenido leído del mismo modo, con cualquier nombre de archivo.

    La huella solo se calcula si hay cargado un archivo del mismo tamaño.
    """
    inside = load.source.inside
    candidates = connection.execute(
        "SELECT sha256, table_name FROM etl.loads WHERE bytes = %s AND status = 'loaded' AND table_name LIKE %s"
        " AND right(file, length(%s)) = %s AND starts_with(obj_description(to_regclass(table_name), 'pg_class'), %s)"
        " ORDER BY table_name <> %s",
        (load.bytes, f"{SCHEMA}.%", inside, inside, AS_TEXT if as_text else TYPED, load.table.name),
    ).fetchall()
    sha256 = fingerprint(load.source) if candidates else ""
    return next((table for known, table in candidates if known == sha256), None)


def create(connection: Connection[Any], table: str, load_id: int, columns: list[Plan]) -> str:
    """Crea una tabla vacía con un nombre provisional y lo devuelve."""
    name = f"{table[: MAX_BYTES - 14]}__{load_id}"
    fields = [sql.SQL("{} {}").format(sql.Identifier(plan.name), sql.SQL(sql_type(plan))) for plan in columns]
    # Todas sus filas son de esta carga: con un valor por omisión, que quita `replace`, no hace falta mandarlo con cada una.
    fields.append(sql.SQL("_line bigint NOT NULL, _load_id integer NOT NULL DEFAULT {}").format(sql.Literal(load_id)))
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(SCHEMA, name), sql.SQL(", ").join(fields)))
    return name


def sql_type(plan: Plan) -> str:
    """El tipo de PostgreSQL de una columna."""
    if plan.format is formats.NESTED:
        return "jsonb"
    if pa.types.is_decimal(plan.type):
        return "numeric"
    short = {"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz"}
    name = next((name for name, kind in ARROW_TYPES.items() if kind == plan.type), "text")
    return short.get(name, name)


def replace(connection: Connection[Any], load: Load, new: str, originals: dict[str, str], as_text: bool) -> list[str]:
    """Pone la tabla nueva en el sitio de la anterior, y da sus cargas por sustituidas; devuelve los avisos.

    Sus comentarios dicen de qué archivo viene y cómo se llamaban sus columnas.
    Lanza `FileFailed` si una vista u otra tabla depende de la anterior.
    """
    table = load.table.table
    old, fresh = sql.Identifier(SCHEMA, table), sql.Identifier(SCHEMA, new)
    try:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(old))
    except errors.DependentObjectsStillExist as error:
        raise FileFailed(
            f"Hay objetos que dependen de {SCHEMA}.{table}: {error.diag.message_detail}",
            f"Bórrelos, o declare el archivo con «{order('new')}» para que su tabla sea estable.",
        ) from error
    statements = [
        sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(fresh, sql.Identifier(name), sql.Literal(original))
        for name, original in originals.items()
        if original
    ]
    origin = (AS_TEXT if as_text else TYPED) + load.source.name
    statements.append(sql.SQL("COMMENT ON TABLE {} IS {}").format(fresh, sql.Literal(origin)))
    statements.append(sql.SQL("ALTER TABLE {} ALTER _load_id DROP DEFAULT").format(fresh))
    statements.append(sql.SQL("ALTER TABLE {} RENAME TO {}").format(fresh, sql.Identifier(table)))
    connection.execute(sql.SQL("; ").join(statements))
    replaced = connection.execute(
        "UPDATE etl.loads SET status = 'replaced' WHERE table_name = %s AND status = 'loaded' AND load_id <> %s",
        (load.table.name, load.load_id),
    )
    return superseded(connection, load) if replaced.rowcount else []


def superseded(connection: Connection[Any], load: Load) -> list[str]:
    """El aviso de que la versión anterior del archivo tenía filas corregidas, que la nueva reemplaza."""
    [(count,)] = connection.execute(
        "SELECT count(*) FROM etl.rejects WHERE code = 'repaired' AND load_id = (SELECT max(load_id) FROM etl.loads"
        " WHERE table_name = %s AND file = %s AND status = 'replaced')",
        (load.table.name, load.source.name),
    )
    return [f"filas corregidas de la versión anterior, que esta reemplaza: {count}"] if count else []


def columns_of(connection: Connection[Any], table: str, written_as: dict[str, str]) -> list[Plan]:
    """Las columnas de una tabla, y cómo se escriben según el libro. La escala de un decimal, la de cada valor."""
    known = {option.name: option for option in formats.EVERY}
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(%s)"
        " AND attnum > 0 AND attname NOT IN ('_line', '_load_id') ORDER BY attnum",
        (f"{SCHEMA}.{table}",),
    )
    return [Plan(name, ARROW_TYPES.get(kind, pa.string()), known.get(written_as.get(name, ""))) for name, kind in rows]
