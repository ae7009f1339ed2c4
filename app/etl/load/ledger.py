"""El libro de cargas (`etl.loads`): qué archivo, cuántas filas y qué fue de cada una.

Cada apunte se escribe en la misma transacción que las filas de su archivo: o están los dos, o ninguno. Un CHECK de la
tabla exige que leídas = cargadas + duplicadas + rechazadas. También dice entre qué claves están esas filas, para
encontrarlas después sin recorrer la tabla: un índice de `_load_id` lo pagaría cada fila que entra, y el de la clave ya
está. Si no se sabe (claves de texto, cargas antiguas), se recorre.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor, sql
from psycopg.types.json import Jsonb

from etl.dialect import Dialect
from etl.extract.source import Source
from etl.schema import Table

# Lo que dice el libro de una carga, si vale: con otra declaración, las columnas de la clave podían ser de otro tipo; y si
# sus cuentas cambiaron después, a sus filas se añadió alguna.
KNOWN = sql.SQL("CASE WHEN declaration = %s AND (keys ->> 'rows')::bigint = rows_loaded THEN keys -> 'limits' END")
# De cada columna de la clave, el menor y el mayor valor.
Limits = Mapping[str, tuple[Any, Any]]


@dataclass
class Counts:
    """Lo que fue de las filas de un archivo.

    Las actualizadas son parte de las cargadas; las que descarta su transformación, de las rechazadas. Las líneas de
    solo separadores (`blank`) no son filas; `header_again`, la primera línea que repite la cabecera; `displaced`,
    cuántas filas de otros archivos sustituyen; `limits`, entre qué claves están las cargadas.
    """

    read: int = 0
    loaded: int = 0
    updated: int = 0
    duplicate: int = 0
    rejected: int = 0
    filtered: int = 0
    repaired: int = 0
    blank: int = field(default=0, compare=False)
    header_again: int = field(default=0, compare=False)
    displaced: dict[str, int] = field(default_factory=dict, compare=False)
    limits: dict[str, tuple[Any, Any]] = field(default_factory=dict, compare=False)

    @property
    def warnings(self) -> list[str]:
        """Lo que no son filas, pero hay que saber."""
        told = []
        if self.blank:
            told.append(f"líneas que solo llevan separadores, que no cuentan como filas: {self.blank}")
        if self.header_again:
            told.append(f"la cabecera se repite en la línea {self.header_again}: la tabla que sigue se carga igual")
        told += [f"filas de «{file}» que este sustituye: {rows}" for file, rows in sorted(self.displaced.items())]
        return told

    def merged(self, rows: int, cursor: Cursor[Any]) -> None:
        """Suma `rows` filas mezcladas: cuántas quedaron y cuántas sustituyen a otra lo dice `merge_statement`."""
        loaded, updated, displaced = cursor.fetchone() or (0, 0, None)
        for file, count in (displaced or {}).items():
            self.displaced[file] = self.displaced.get(file, 0) + count
        self.loaded += loaded
        self.updated += updated
        self.duplicate += rows - loaded


@dataclass
class Load:
    """Un archivo camino de una tabla: su apunte. `load_id` existe desde que empieza su transacción."""

    run_id: UUID
    engine: str
    source: Source
    table: Table
    bytes: int = 0
    load_id: int = 0
    # La huella de la declaración con que se lee; ninguna si nadie lo declaró.
    declaration: str | None = None


def begin(connection: Connection[Any], load: Load) -> None:
    """Abre el apunte y recibe su `load_id`. Hasta el COMMIT nadie más lo ve."""
    (load.load_id,) = connection.execute(  # type: ignore[misc]
        "INSERT INTO etl.loads (run_id, file, table_name, engine, bytes, declaration, status)"
        " VALUES (%s, %s, %s, %s, %s, %s, 'loading') RETURNING load_id",
        (load.run_id, load.source.name, load.table.name, load.engine, load.bytes, load.declaration),
    ).fetchone()


def reopen(connection: Connection[Any], load: Load, load_id: int) -> None:
    """Vuelve a abrir un apunte cerrado, para cargar lo mismo con su mismo número."""
    load.load_id = load_id
    connection.execute(
        "UPDATE etl.loads SET run_id = %s, file = %s, engine = %s, declaration = %s, status = 'loading',"
        " incomplete = false, ceded = false, keys = NULL, reloads = reloads + 1, started_at = clock_timestamp()"
        " WHERE load_id = %s",
        (load.run_id, load.source.name, load.engine, load.declaration, load_id),
    )


def describe(
    connection: Connection[Any],
    load: Load,
    header: list[str],
    dialect: Dialect | None,
    formats: dict[str, str] | None = None,
) -> None:
    """Apunta cómo era el archivo: con esto se vuelven a leer sus filas en cuarentena.

    `formats`: de un archivo sin declarar, cómo estaban escritos los valores de cada columna con tipo.
    """
    marks = {name: getattr(dialect, name) for name in ("delimiter", "quote", "escape")} if dialect else {}
    known = {**marks, **({"formats": formats} if formats else {})}
    connection.execute(
        "UPDATE etl.loads SET header = %s, dialect = %s WHERE load_id = %s",
        (header, Jsonb(known) if known else None, load.load_id),
    )


def finish(
    connection: Connection[Any], load: Load, sha256: str, counts: Counts, encoding: str | None, warnings: list[str]
) -> None:
    """Cierra el apunte como cargado, con sus cuentas."""
    limits = {name: (str(least), str(most)) for name, (least, most) in counts.limits.items()}
    keys = Jsonb({"rows": counts.loaded, "limits": limits})
    connection.execute(
        "UPDATE etl.loads SET status = 'loaded', sha256 = %s, rows_read = %s, rows_loaded = %s, rows_updated = %s,"
        " rows_duplicate = %s, rows_rejected = %s, keys = %s, encoding = %s, warnings = %s, finished_at = clock_timestamp()"
        " WHERE load_id = %s",
        (sha256, *astuple(counts)[:5], keys, encoding, warnings, load.load_id),
    )


def record_failure(connection: Connection[Any], load: Load, status: str, error: str) -> None:
    """Apunta un archivo del que no se cargó nada: `refused` (no vale) o `failed` (se interrumpió)."""
    connection.execute(
        "INSERT INTO etl.loads (run_id, file, table_name, engine, bytes, status, error, finished_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp())",
        (load.run_id, load.source.name, load.table.name, load.engine, load.bytes, status, error),
    )


def outcome(connection: Connection[Any], load: Load) -> Counts | None:
    """Las cuentas de una carga si llegó a confirmarse; sirve cuando se perdió la respuesta al COMMIT."""
    row = connection.execute(
        "SELECT rows_read, rows_loaded, rows_updated, rows_duplicate, rows_rejected FROM etl.loads"
        # Tras una caída del servidor, otra ejecución pudo recibir el mismo número.
        " WHERE load_id = %s AND run_id = %s AND status = 'loaded'",
        (load.load_id, load.run_id),
    ).fetchone()
    return Counts(*row) if row else None


def rows_of(table: Table, load_id: int, limits: Limits | None) -> sql.Composed:
    """La condición que cumplen las filas de una carga en su tabla."""
    terms: list[sql.Composable] = [sql.SQL("_load_id = {}").format(sql.Literal(load_id))]
    terms += [
        sql.SQL("{} BETWEEN {} AND {}").format(sql.Identifier(name), sql.Literal(least), sql.Literal(most))
        for name, (least, most) in (limits or {}).items()
        if name in table.key
    ]
    return sql.SQL("({})").format(sql.SQL(" AND ").join(terms))
