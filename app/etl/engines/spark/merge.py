"""En el conductor: las tablas de paso y su mezcla con la tabla de destino.

Entran los intentos que Spark dio por buenos (`Staged`) y la transacción del archivo; quedan las
filas en la tabla, los rechazos en `etl.rejects` y las cuentas. Ningún otro intento se lee.
"""

from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, errors, sql

from etl.database.connection import LOADER, connect
from etl.engines.spark.stage import SCHEMA, Staged, rejects_of
from etl.errors import DatabaseUnavailable
from etl.load.ledger import Counts
from etl.load.table import REJECTS, merge_statement
from etl.schema import Target
from etl.settings import Settings

PREFIX = "_spark"


class StagingArea:
    """Las tablas de paso de una ejecución, y las que dejó alguna anterior que murió.

    Usa una conexión suya: las tablas tienen que existir, para los ejecutores, fuera de la
    transacción del archivo.
    """

    def __init__(self, settings: Settings, run_id: UUID) -> None:
        self._settings = settings
        self.run = run_id.hex[:12]
        self._own: list[str] = []
        self._open()
        self._drop_abandoned()

    def _open(self) -> None:
        self._connection = connect(self._settings, role=LOADER)
        # Mientras esta sesión viva, nadie da por abandonadas sus tablas.
        _try_lock(self._connection, self.run)

    def create(self, target: Target, load_id: int) -> str:
        """Crea las tablas de las que heredan las de cada intento, y devuelve su nombre."""
        self._drop_own()
        name = f"{PREFIX}_{self.run}_{load_id}"
        likes = ((name, sql.Identifier(target.schema_name, target.table)), (rejects_of(name), REJECTS))
        for table, like in likes:
            self._connection.execute(
                sql.SQL("CREATE UNLOGGED TABLE {} (LIKE {})").format(sql.Identifier(SCHEMA, table), like)
            )
        self._own += [name, rejects_of(name)]
        return name

    def close(self) -> None:
        """Borra lo que quede. Lo que no se pueda borrar lo hará la ejecución siguiente."""
        try:
            self._drop_own()
        except (psycopg.Error, DatabaseUnavailable):
            return
        finally:
            self._connection.close()

    def _drop_own(self) -> None:
        """Borra las del archivo anterior: su transacción ya acabó, bien o mal, y nadie las lee."""
        if self._connection.closed:
            self._open()
        if self._own:
            self._drop(self._own)
            self._own = []

    def _drop(self, tables: list[str]) -> None:
        names = sql.SQL(", ").join(sql.Identifier(SCHEMA, table) for table in tables)
        self._connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(names))

    def _drop_abandoned(self) -> None:
        found = self._connection.execute(
            "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname LIKE %s"
            " AND NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid)",
            (SCHEMA, PREFIX.replace("_", r"\_") + r"\_%"),
        ).fetchall()
        for (table,) in found:
            run = table.split("_")[2]
            if run != self.run and _try_lock(self._connection, run):
                self._drop([table])
                _unlock(self._connection, run)


def _try_lock(connection: Connection[Any], run: str) -> bool:
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"{PREFIX}:{run}",)
    ).fetchone()
    return bool(row and row[0])


def _unlock(connection: Connection[Any], run: str) -> None:
    connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (f"{PREFIX}:{run}",))


class Merger:
    """Mezcla los intentos buenos, en el orden del archivo, y lleva las cuentas.

    Como `load.TableWriter`: primero un INSERT directo; solo si una clave choca, con cuidado.
    """

    def __init__(self, connection: Connection[Any], target: Target) -> None:
        self.connection = connection
        self.target = target
        self.counts = Counts()
        self._collided = False

    def merge(self, staged: Staged) -> None:
        """Mezcla lo que dejó una parte; cada fila queda cargada, duplicada o rechazada."""
        counts = self.counts
        counts.read += staged.rows + staged.rejects
        counts.rejected += staged.rejects
        if staged.rows and (self._collided or not self._insert(staged)):
            self._merge(staged)
        if staged.rejects:
            self.connection.execute(
                sql.SQL("INSERT INTO {} SELECT * FROM {} ORDER BY line").format(
                    REJECTS, sql.Identifier(SCHEMA, rejects_of(staged.table))
                )
            )

    def _insert(self, staged: Staged) -> bool:
        columns = sql.SQL(", ").join(map(sql.Identifier, [*self.target.rows.names, "_load_id", "_line"]))
        statement = sql.SQL("INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage}").format(
            table=sql.Identifier(self.target.schema_name, self.target.table),
            columns=columns,
            stage=sql.Identifier(SCHEMA, staged.table),
        )
        try:
            with self.connection.transaction():
                self.connection.execute(statement)
        except errors.UniqueViolation:
            return False
        self.counts.loaded += staged.rows
        return True

    def _merge(self, staged: Staged) -> None:
        stage = sql.Identifier(SCHEMA, staged.table)
        row = self.connection.execute(merge_statement(self.target, stage)).fetchone()
        assert row is not None
        loaded, updated = row
        self.counts.loaded += loaded
        self.counts.updated += updated
        self.counts.duplicate += staged.rows - loaded
        # Una parte sin choques devuelve el camino directo a la siguiente.
        self._collided = bool(staged.rows - loaded or updated)
