"""En el conductor: las tablas de paso y su mezcla con la tabla de destino.

Entran los intentos que Spark dio por buenos (`Staged`) y la transacción del archivo; quedan las
filas en la tabla, los rechazos en `etl.rejects` y las cuentas. Ningún otro intento se lee.
"""

from contextlib import suppress
from itertools import count
from uuid import UUID

import psycopg
from psycopg import errors, sql

from etl.database.connection import LOADER, Connection, connect
from etl.load.ledger import Counts
from etl.load.table import REJECTS, merge_statement
from etl.schema import Declared, Table
from etl.settings import Settings
from extras.bulk.borrow import Borrowed
from extras.spark.stage import SCHEMA, Staged, rejects_of

PREFIX = "_spark"
# Tablas que se borran de una vez: cada una es un bloqueo, y el servidor tiene los que tiene.
DROPPED = 100
# _spark_<ejecución>_<archivo>. Las de sus intentos llevan detrás el número de intento.
ANY_FILE, ANY_RUN = r"\d+", "[0-9a-f]{12}"


class StagingArea:
    """Las tablas de paso de una ejecución, y las que dejó alguna anterior que murió.

    Usa una conexión suya: las tablas tienen que existir, para los ejecutores, fuera de la
    transacción del archivo.
    """

    def __init__(self, settings: Settings, run_id: UUID) -> None:
        self._settings = settings
        self.run = run_id.hex[:12]
        self._files = count(1)
        # De cada tabla de destino, una copia vacía: ella puede estar reservada por el archivo que se mezcla.
        self._models: dict[Table, sql.Identifier] = {}
        self._open()
        self._drop_abandoned()

    def _open(self) -> None:
        self.connection = connect(self._settings, role=LOADER)
        # Mientras esta sesión viva, nadie da por abandonadas sus tablas.
        _try_lock(self.connection, self.run)

    def survived(self) -> bool:
        """Si la sesión sigue abierta; si no, se abre otra: el servidor pudo caer, y vaciar las tablas de paso."""
        try:
            self.connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self.connection.close()
            self._open()
            self._models.clear()  # otra ejecución pudo darlas por abandonadas
            return False
        return True

    def create(self, table: Table) -> str:
        """Crea la tabla que copian las de cada intento de un archivo, y devuelve su nombre."""
        if table not in self._models:
            model = self._copy_of(sql.Identifier(table.schema, table.table))
            self._models[table] = sql.Identifier(SCHEMA, model)
        return self._copy_of(self._models[table])

    def _copy_of(self, table: sql.Identifier) -> str:
        name = f"{PREFIX}_{self.run}_{next(self._files)}"
        self.connection.execute(
            sql.SQL("CREATE UNLOGGED TABLE {} (LIKE {})").format(sql.Identifier(SCHEMA, name), table)
        )
        return name

    def drop(self, name: str) -> None:
        """Borra las tablas de un archivo, cuya transacción ya acabó, bien o mal."""
        self._drop(self.run, name.rpartition("_")[2])

    def close(self) -> None:
        """Borra lo que quede. Lo que no se pueda borrar lo hará la ejecución siguiente."""
        with suppress(psycopg.Error):
            self._drop(self.run)
        self.connection.close()

    def _drop_abandoned(self) -> None:
        for run in {table.split("_")[2] for table in self._tables(ANY_RUN, ANY_FILE)}:
            if _try_lock(self.connection, run):
                self._drop(run)

    def _drop(self, run: str, file: str = ANY_FILE) -> None:
        """Borra las tablas de una ejecución, o de un archivo: primero la suya, luego las de sus intentos.

        Lo primero espera a los intentos que sigan vivos (su tabla se hizo copiando esa) y ya no puede
        empezar otro; así no se escapa ninguno. Si no acaban a tiempo, se dejan para más tarde.
        """
        for attempt in ("$", "_.+$"):
            tables = self._tables(run, file + attempt)
            for at in range(0, len(tables), DROPPED):
                names = sql.SQL(", ").join(sql.Identifier(SCHEMA, table) for table in tables[at : at + DROPPED])
                try:
                    self.connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(names))
                except errors.LockNotAvailable:
                    return

    def _tables(self, run: str, file: str) -> list[str]:
        found = self.connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename ~ %s",
            (SCHEMA, f"^{PREFIX}_{run}_{file}"),
        )
        return [table for (table,) in found]


def _try_lock(connection: Connection, run: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"{PREFIX}:{run}",)).fetchone()
    return bool(row and row[0])


class Merger:
    """Mezcla los intentos buenos, en el orden del archivo, y lleva las cuentas.

    Como `bulk.writer`: en una tabla vacía, la clave se construye al final; en otra, primero un INSERT directo y, solo si
    una clave choca, con cuidado. Las huérfanas ya las apartaron los ejecutores: las referencias se miran por partes.
    """

    def __init__(self, connection: Connection, declared: Declared, load_id: int) -> None:
        self.connection = connection
        self.load_id = load_id
        self.table = declared.table
        self._columns = [*declared.rows.names, "_line"]
        self.counts = Counts()
        self._collided = False
        self._borrowed: Borrowed | None = None

    def merge(self, staged: Staged) -> None:
        """Mezcla lo que dejó una parte; cada fila queda cargada, duplicada o rechazada."""
        # Lo más tarde posible, que nadie más usa entretanto la tabla.
        self._borrowed = self._borrowed or Borrowed(self.connection, self.table)
        counts, part = self.counts, staged.counts
        counts.read += part.read
        counts.rejected += part.rejected
        counts.filtered += part.filtered
        counts.blank += part.blank
        counts.header_again = counts.header_again or part.header_again
        for name, ends in part.limits.items():
            both = [*ends, *counts.limits.get(name, ())]
            counts.limits[name] = min(both), max(both)
        if part.loaded and (self._collided or not self._insert(staged)):
            self._merge(staged)
        if part.rejected:
            self.connection.execute(
                sql.SQL("INSERT INTO {} ({columns}, load_id) SELECT {columns}, {} FROM {} ORDER BY line").format(
                    REJECTS,
                    sql.Literal(self.load_id),
                    sql.Identifier(SCHEMA, rejects_of(staged.table)),
                    columns=sql.SQL("line, raw, column_name, value, code, message"),
                )
            )

    def finish(self) -> Counts:
        """Devuelve lo prestado, y las cuentas de todas las partes."""
        if self._borrowed:
            self._borrowed.give_back(self.counts)
        return self.counts

    def _insert(self, staged: Staged) -> bool:
        statement = sql.SQL("INSERT INTO {table} ({columns}, _load_id) SELECT {columns}, {load} FROM {stage}").format(
            table=sql.Identifier(self.table.schema, self.table.table),
            columns=sql.SQL(", ").join(map(sql.Identifier, self._columns)),
            load=sql.Literal(self.load_id),
            stage=sql.Identifier(SCHEMA, staged.table),
        )
        try:
            with self.connection.transaction():
                self.connection.execute(statement)
        except errors.UniqueViolation:
            return False
        self.counts.loaded += staged.counts.loaded
        return True

    def _merge(self, staged: Staged) -> None:
        stage = sql.Identifier(SCHEMA, staged.table)
        before = self.counts.duplicate + self.counts.updated
        merged = self.connection.execute(merge_statement(self.table, self._columns, self.load_id, stage))
        self.counts.merged(staged.counts.loaded, merged)
        # Una parte sin choques devuelve el camino directo a la siguiente.
        self._collided = self.counts.duplicate + self.counts.updated > before
