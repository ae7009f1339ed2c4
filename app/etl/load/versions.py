"""Las versiones de un archivo: si ya está cargado, si sigue entero y qué quita la versión siguiente.

Todo ocurre dentro de la transacción del archivo (`one_file.py`), que empieza por `begin` y acaba por `settle`.
La regla: cada clave vale lo que dice el contenido más nuevo que la trae, entre los que siguen en alguna última
versión. Por eso un contenido que se carga otra vez recupera su `load_id`, que dice cuándo llegó por primera vez, y
`merge_statement` (`table.py`) compara esos números para saber qué fila manda.
"""

import re
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, errors, sql

from etl.errors import FileRefused
from etl.extract.discover import beside
from etl.extract.source import Source, fingerprint
from etl.load import ledger
from etl.load.ledger import KNOWN, Limits, Load, rows_of
from etl.load.orphans import found_its_parent
from etl.schema import Table

# Las claves de la versión anterior, y las que ya nadie trae.
RETIRED, GONE = sql.Identifier("etl_retired"), sql.Identifier("etl_gone")
# Una carga y entre qué claves están sus filas, si se sabe.
Where = tuple[int, Limits | None]
# El número de una carga que todavía no lo tiene.
NEW = 0
SAME_SIZE = "SELECT FROM etl.loads WHERE table_name = %s AND bytes = %s AND sha256 IS NOT NULL LIMIT 1"
STILL_REFERENCED = re.compile(r'Key \((.+)\)=\((.+)\) is still referenced from table "(.+)"\.')


@dataclass(frozen=True)
class Known:
    """Una carga anterior del mismo contenido. `file`: el nombre que tenía entonces."""

    load_id: int
    file: str
    loaded: bool
    incomplete: bool
    declaration: str | None


@dataclass(frozen=True)
class Version:
    """Lo que hay que hacer con un archivo. Sin `new`, nada: está cargado y entero.

    `reopened`: es un contenido conocido, que se carga otra vez. `replaces`: había otra versión. `declaration`: con
    cuál se leyó lo que hay.
    """

    new: bool
    reopened: bool = False
    replaces: bool = False
    declaration: str | None = None


def begin(connection: Connection[Any], load: Load, again: bool) -> Version:
    """Abre el apunte de la carga, o el que ya tenía ese contenido, y quita lo que reemplaza.

    Con `again`, lo que se leyó con otra declaración se lee otra vez.
    """
    known = find_known(connection, load)
    if known and is_complete(connection, load, known) and not (again and known.declaration != load.declaration):
        return Version(new=False, replaces=_keep(connection, load, known), declaration=known.declaration)
    defer_references(connection, load.table)
    replaces = retire_previous(connection, load, known.load_id if known else NEW)
    if known:
        _reopen(connection, load, known.load_id)
    else:
        ledger.begin(connection, load)
    return Version(new=True, reopened=known is not None, replaces=replaces)


def settle(connection: Connection[Any], load: Load, version: Version) -> list[str]:
    """Lo que la versión anterior traía y esta no: se puede quitar, se avisa y quizá otro archivo lo trae.

    Lanza `FileRefused` si otras tablas necesitan lo que falta.
    """
    if version.replaces or version.reopened:
        _check_references(connection, load.table)
    if not version.replaces or "_load_id" in load.table.key:  # sin clave propia, ninguna fila es la de antes
        return []
    removed = _count_removed(connection, load.table)
    # También si no falta ninguna: un contenido antiguo que vuelve no manda sobre los que llegaron después.
    if removed or version.reopened:
        _mark_incomplete(connection, load, RETIRED if version.reopened else GONE)
    return [f"filas de la versión anterior que esta no trae, quitadas de la tabla: {removed}"] if removed else []


def find_known(connection: Connection[Any], load: Load) -> Known | None:
    """La carga que puso ese contenido en esa tabla, con cualquier nombre; quizá ya reemplazada.

    La huella solo se calcula si hay un archivo cargado del mismo tamaño.
    """
    # Sin preparar: el plan que vale para cualquier tamaño recorre el libro, si casi todos los archivos miden lo mismo.
    if connection.execute(SAME_SIZE, (load.table.name, load.bytes), prepare=False).fetchone() is None:
        return None
    inside = load.source.inside
    row = connection.execute(
        "SELECT load_id, file, status = 'loaded', incomplete, declaration FROM etl.loads"
        " WHERE table_name = %s AND sha256 = %s AND status IN ('loaded', 'replaced')"
        # En un .zip, lo que se conoce es el miembro.
        " AND right(file, length(%s)) = %s ORDER BY status, load_id DESC LIMIT 1",
        (load.table.name, fingerprint(load.source), inside, inside),
    ).fetchone()
    return Known(*row) if row else None


def is_complete(connection: Connection[Any], load: Load, known: Known) -> bool:
    """Si cargar otra vez ese contenido no traería ninguna fila que ahora falta."""
    return (
        known.loaded
        and not known.incomplete
        and not any(found_its_parent(connection, load.table, key, known.load_id) for key in load.table.foreign_keys)
    )


def _keep(connection: Connection[Any], load: Load, known: Known) -> bool:
    """El contenido ya está cargado. Su archivo puede haber cambiado de nombre, o ser ahora copia de otro.

    Devuelve si había otra versión con su nombre, que se quita.
    """
    if known.file == load.source.name:
        return False
    if not _is_still_there(load.source, known.file):
        # Su próxima versión, con el nombre nuevo, la reemplazará.
        connection.execute("UPDATE etl.loads SET file = %s WHERE load_id = %s", (load.source.name, known.load_id))
    defer_references(connection, load.table)
    return retire_previous(connection, load, known.load_id)


def _is_still_there(source: Source, name: str) -> bool:
    """Si el archivo que se llama `name` sigue teniendo lo mismo que `source`, que es entonces una copia."""
    other = beside(source, name)
    try:
        return other is not None and fingerprint(other) == fingerprint(source)
    except FileRefused:
        return False


def _reopen(connection: Connection[Any], load: Load, load_id: int) -> None:
    """Quita las filas y los rechazos de una carga para repetirla entera, con su mismo número."""
    found = connection.execute(
        sql.SQL("SELECT load_id, {} FROM etl.loads WHERE load_id = %s").format(KNOWN), (load.declaration, load_id)
    )
    _delete(connection, load.table, found.fetchall())
    connection.execute("DELETE FROM etl.rejects WHERE load_id = %s AND code <> 'repaired'", (load_id,))
    ledger.reopen(connection, load, load_id)


def retire_previous(connection: Connection[Any], load: Load, load_id: int) -> bool:
    """Borra las filas de la versión anterior del mismo archivo, que la carga `load_id` reemplaza.

    El apunte antiguo se queda, como `replaced`. Devuelve si había versión anterior.
    """
    previous = retire(connection, load, load_id)
    if not previous:
        return False
    table = sql.Identifier(load.table.schema, load.table.table)
    keys = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WHERE {}")
    names = sql.SQL(", ").join(map(sql.Identifier, load.table.key))
    connection.execute(keys.format(RETIRED, names, table, _rows_of(load.table, previous)))
    _delete(connection, load.table, previous)
    return True


def _rows_of(table: Table, loads: list[Where]) -> sql.Composed:
    """La condición que cumplen las filas de unas cargas."""
    return sql.SQL(" OR ").join(rows_of(table, load_id, limits) for load_id, limits in loads)


def _delete(connection: Connection[Any], table: Table, loads: list[Where]) -> None:
    """Quita de la tabla las filas de unas cargas."""
    if loads:
        target = sql.Identifier(table.schema, table.table)
        connection.execute(sql.SQL("DELETE FROM {} WHERE {}").format(target, _rows_of(table, loads)))


def retire(connection: Connection[Any], load: Load, load_id: int) -> list[Where]:
    """Las cargas anteriores del mismo archivo en la tabla quedan en el libro como reemplazadas por `load_id`."""
    found = connection.execute(
        sql.SQL(
            "UPDATE etl.loads SET status = 'replaced' WHERE table_name = %s AND file = %s AND status = 'loaded'"
            " AND load_id <> %s RETURNING load_id, {}"
        ).format(KNOWN),
        (load.table.name, load.source.name, load_id, load.declaration),
    )
    return found.fetchall()


def _check_references(connection: Connection[Any], table: Table) -> None:
    """Comprueba las referencias aplazadas. Lanza `FileRefused` si faltan filas que otras tablas usan."""
    try:
        defer_references(connection, table, "IMMEDIATE")
    except errors.ForeignKeyViolation as error:
        # El detalle viene en inglés y a veces traducido; si no se reconoce, se enseña tal cual.
        detail = error.diag.message_detail or str(error)
        if found := STILL_REFERENCED.match(detail):
            detail = f"la de {found[1]} «{found[2]}» sigue en uso en «{found[3]}»."
        raise FileRefused(
            f"Se irían filas que otras tablas necesitan: {detail}",
            "Quite antes las filas que las usan, o devuélvalas al archivo. Si las quitó en esta carga, repítala.",
        ) from error


def defer_references(connection: Connection[Any], table: Table, mode: str = "DEFERRED") -> None:
    """Deja para el final las referencias a la tabla: una fila puede irse y volver en la misma transacción."""
    if table.referenced_by:
        names = sql.SQL(", ").join(sql.Identifier(*name) for name in table.referenced_by)
        connection.execute(sql.SQL("SET CONSTRAINTS {} {}").format(names, sql.SQL(mode)))


def _count_removed(connection: Connection[Any], table: Table) -> int:
    """Cuántas claves de la versión anterior ya no están en la tabla, tras cargar la nueva."""
    same_key = sql.SQL(" AND ").join(sql.SQL("t.{0} = r.{0}").format(sql.Identifier(name)) for name in table.key)
    query = (
        "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT * FROM {} AS r WHERE NOT EXISTS (SELECT FROM {} AS t WHERE {})"
    )
    target = sql.Identifier(table.schema, table.table)
    return connection.execute(sql.SQL(query).format(GONE, RETIRED, target, same_key)).rowcount


def _mark_incomplete(connection: Connection[Any], load: Load, keys: sql.Identifier) -> None:
    """Señala las cargas que cedieron filas a otras y quizá traigan alguna de esas claves.

    No se guarda qué claves trajo cada archivo, sino entre cuáles están; repetir una carga de más no cambia nada. Las
    claves repetidas de una carga sin repetir, y sin filas corregidas, son de su propio archivo.
    """
    end = "jsonb_populate_record(NULL::{}, (SELECT jsonb_object_agg(key, value -> %s) FROM jsonb_each(known.limits)))"
    connection.execute(
        sql.SQL(
            "UPDATE etl.loads SET incomplete = true FROM (SELECT load_id AS id, {known} AS limits FROM etl.loads"
            " WHERE table_name = %s AND status = 'loaded'"
            " AND (ceded OR rows_duplicate > 0 AND (reloads > 0 OR keys IS NULL))) AS known"
            " WHERE load_id = known.id AND EXISTS (SELECT FROM {keys} AS etl_key, {end} AS etl_low, {end} AS etl_high"
            " WHERE etl_key BETWEEN etl_low AND etl_high OR NOT etl_low IS NOT NULL)"  # si falta alguna columna, no se sabe
        ).format(keys=keys, known=KNOWN, end=sql.SQL(end).format(keys)),
        (load.declaration, load.table.name, 0, 1),
    )


def incomplete_tables(connection: Connection[Any]) -> set[str]:
    """Las tablas en que alguna carga está señalada."""
    query = "SELECT DISTINCT table_name FROM etl.loads WHERE incomplete AND status = 'loaded'"
    return {row[0] for row in connection.execute(query)}
