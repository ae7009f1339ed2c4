"""Las versiones de un archivo: cuál está cargada, si sigue entera y qué quita la siguiente.

Todo ocurre dentro de la transacción del archivo (`one_file.py`). La regla: cada clave vale lo que
dice el contenido más nuevo que la trae, entre los que siguen en alguna última versión. Por eso un
contenido que se carga otra vez recupera su `load_id`, que dice cuándo llegó por primera vez, y
`merge_statement` (`table.py`) compara esos números para saber qué fila manda.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from etl.load.ledger import Entry
from etl.schema import ForeignKey, Target

RETIRED = sql.Identifier("etl_retired")


@dataclass(frozen=True)
class Known:
    """Una carga anterior del mismo contenido. `file`: el nombre que tenía entonces."""

    load_id: int
    file: str
    loaded: bool
    incomplete: bool


def find_known(connection: Connection[Any], entry: Entry, sha256: str) -> Known | None:
    """La carga que puso ese contenido en esa tabla, con cualquier nombre; quizá ya reemplazada."""
    row = connection.execute(
        "SELECT load_id, file, status = 'loaded', incomplete FROM etl.loads"
        " WHERE table_name = %s AND sha256 = %s AND status IN ('loaded', 'replaced')"
        # En un .zip, lo que se conoce es el miembro.
        " AND right(file, length(%s)) = %s ORDER BY status, load_id DESC LIMIT 1",
        (entry.table, sha256, entry.inside, entry.inside),
    ).fetchone()
    return Known(*row) if row else None


def is_complete(connection: Connection[Any], target: Target, known: Known) -> bool:
    """Si cargar otra vez ese contenido no traería ninguna fila que ahora falta."""
    return (
        known.loaded
        and not known.incomplete
        and not any(_found_its_parent(connection, key, known.load_id) for key in target.foreign_keys)
    )


def _found_its_parent(connection: Connection[Any], key: ForeignKey, load_id: int) -> bool:
    """Si alguna fila huérfana de esa carga ya tiene a qué apuntar."""
    parent = sql.Identifier(key.parent_schema, key.parent_table)
    column_type = connection.execute(
        "SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
        (parent.as_string(connection), key.parent_column),
    ).fetchone()
    assert column_type is not None
    query = sql.SQL(
        # Con el tipo de la clave se usa su índice. Comparar textos sería cada huérfana con cada madre:
        # nadie ha contado todavía los rechazos nuevos, y PostgreSQL los cree muy pocos.
        "SELECT EXISTS (SELECT FROM etl.rejects AS r JOIN {parent} AS p ON p.{column} = r.value::{type}"
        " WHERE r.load_id = %s AND r.code = 'orphan' AND r.column_name = %s)"
    ).format(parent=parent, column=sql.Identifier(key.parent_column), type=sql.SQL(column_type[0]))
    row = connection.execute(query, (load_id, key.column)).fetchone()
    return bool(row and row[0])


def rename(connection: Connection[Any], load_id: int, file: str) -> None:
    """El archivo de esa carga se llama ahora de otra manera: su próxima versión la reemplazará."""
    connection.execute("UPDATE etl.loads SET file = %s WHERE load_id = %s", (file, load_id))


def reopen(connection: Connection[Any], target: Target, entry: Entry, load_id: int) -> None:
    """Quita las filas y los rechazos de una carga para repetirla entera, con su mismo número."""
    table = sql.Identifier(target.schema_name, target.table)
    connection.execute(sql.SQL("DELETE FROM {} WHERE _load_id = %s").format(table), (load_id,))
    connection.execute("DELETE FROM etl.rejects WHERE load_id = %s", (load_id,))
    connection.execute(
        "UPDATE etl.loads SET run_id = %s, file = %s, engine = %s, status = 'loading', incomplete = false,"
        " reloads = reloads + 1, started_at = clock_timestamp() WHERE load_id = %s",
        (entry.run_id, entry.file, entry.engine, load_id),
    )


def retire_previous(connection: Connection[Any], target: Target, entry: Entry, load_id: int) -> bool:
    """Borra las filas de la versión anterior del mismo archivo, que la carga `load_id` reemplaza.

    El apunte antiguo se queda, como `replaced`. Devuelve si había versión anterior.
    """
    previous = [
        row[0]
        for row in connection.execute(
            "UPDATE etl.loads SET status = 'replaced' WHERE table_name = %s AND file = %s AND status = 'loaded'"
            " AND load_id <> %s RETURNING load_id",
            (entry.table, entry.file, load_id),
        )
    ]
    if not previous:
        return False
    table = sql.Identifier(target.schema_name, target.table)
    keys = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WHERE _load_id = ANY({})")
    names = sql.SQL(", ").join(map(sql.Identifier, target.key))
    connection.execute(keys.format(RETIRED, names, table, sql.Literal(previous)))
    connection.execute(sql.SQL("DELETE FROM {} WHERE _load_id = ANY(%s)").format(table), (previous,))
    return True


def count_removed(connection: Connection[Any], target: Target) -> int:
    """Cuántas claves de la versión anterior ya no están en la tabla, tras cargar la nueva."""
    same_key = sql.SQL(" AND ").join(
        sql.SQL("t.{0} = r.{0}").format(sql.Identifier(name)) for name in target.key
    )
    query = sql.SQL("SELECT count(*) FROM {} AS r WHERE NOT EXISTS (SELECT FROM {} AS t WHERE {})").format(
        RETIRED, sql.Identifier(target.schema_name, target.table), same_key
    )
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def mark_incomplete(connection: Connection[Any], target: Target) -> None:
    """Señala las cargas que cedieron filas a otras: quizá traigan alguna de las que se acaban de quitar.

    No se guarda qué claves trajo cada archivo; repetir una carga de más no cambia nada. Las claves
    repetidas de una carga sin repetir son de su propio archivo, salvo con `on_repeat = "ignore"`.
    """
    query = sql.SQL(
        # MATERIALIZED: la tabla se recorre una vez, y no una por carga.
        "WITH held AS MATERIALIZED (SELECT _load_id, count(*) AS rows FROM {} GROUP BY _load_id)"
        " UPDATE etl.loads AS l SET incomplete = true WHERE table_name = %s AND status = 'loaded' AND"
        " (rows_loaded > coalesce((SELECT rows FROM held WHERE _load_id = load_id), 0)"
        " OR rows_duplicate > 0 AND (reloads > 0 OR %s))"
    ).format(sql.Identifier(target.schema_name, target.table))
    connection.execute(query, (target.name, target.on_repeat == "ignore"))


def incomplete_tables(connection: Connection[Any]) -> set[str]:
    """Las tablas en que alguna carga está señalada."""
    query = "SELECT DISTINCT table_name FROM etl.loads WHERE incomplete AND status = 'loaded'"
    return {row[0] for row in connection.execute(query)}
