"""Las tablas que se pueden consultar, preguntadas a PostgreSQL: columnas, claves y lo que se dice de ellas (COMMENT ON)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from etl.database.connection import LOADER, connect
from etl.database.migrate import READER
from etl.settings import Settings

# En este orden se busca una tabla de la que no se dice el esquema.
SCHEMAS = ["datos", "marts", "staging"]
TABLES = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Column:
    """Una columna, con lo que se dice de ella y las columnas a las que apunta. `base`: su tipo, sin medidas."""

    name: str
    type: str
    base: str
    nullable: bool
    key: bool
    comment: str | None
    references: list[list[str]]


@dataclass(frozen=True)
class Table:
    """Una tabla o una vista, sin las columnas que le pone la carga."""

    schema: str
    name: str
    kind: str
    comment: str | None
    columns: list[Column]

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def read_tables(connection: Connection[Any], schemas: list[str] = SCHEMAS) -> list[Table]:
    """Las tablas de esos esquemas, en su orden."""
    found = connection.execute(TABLES, (schemas, schemas)).fetchall()
    return [
        Table(schema, name, kind, comment, [Column(*row[4:]) for row in rows])
        for (schema, name, kind, comment), rows in groupby(found, key=lambda row: row[:4])
    ]


@contextmanager
def reading(settings: Settings) -> Iterator[Connection[Any]]:
    """Una conexión que ve la base de datos en un mismo instante y no puede cambiarla; al lector también le vale.

    Nunca como dueño o superusuario: una vista ejecuta lo que quiera quien la escribió, con los permisos de quien mira.
    """
    role = None if settings.db_user == READER else LOADER
    with connect(settings, role=role) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection
