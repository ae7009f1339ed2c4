"""La forma de las filas y de su tabla, dicha sin base de datos: columnas, tipos, claves.

Lo deduce `dataset.py` de una declaración (o `undeclared/infer.py` de un archivo) y lo usa `transform/`.
Solo valores simples: viaja tal cual a los procesos de Spark.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from etl.dialect import Dialect
from etl.rules import Pattern, Rule

__all__ = ["Column", "Declared", "ForeignKey", "Pattern", "RowCheck", "Schema", "Table"]


@dataclass(frozen=True)
class Column:
    """Una columna: su nombre en la tabla, su tipo de Arrow y lo que se le exige.

    `computed`: no está en el archivo; la pone la transformación.
    """

    name: str
    type: pa.DataType
    nullable: bool = True
    rules: tuple[Rule, ...] = ()
    computed: bool = False


@dataclass(frozen=True)
class RowCheck:
    """Una condición entre columnas, escrita de modo que la entienden pandas y SQL («a <= b»)."""

    name: str
    expression: str
    message: str


@dataclass(frozen=True)
class Schema:
    """La forma de las filas de una tabla, en el orden de sus columnas."""

    columns: tuple[Column, ...]
    checks: tuple[RowCheck, ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def optional(self) -> list[str]:
        """Las que pueden faltar."""
        return [column.name for column in self.columns if column.nullable]


@dataclass(frozen=True)
class ForeignKey:
    """Una columna cuyo valor debe existir en otra tabla."""

    column: str
    parent_schema: str
    parent_table: str
    parent_column: str


@dataclass(frozen=True)
class Table:
    """Una tabla: dónde está, su clave y con quién se relaciona. Sin clave, cada fila es distinta.

    `referenced_by`: las restricciones de otras tablas que apuntan a esta, con su esquema.
    """

    schema: str
    table: str
    key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    referenced_by: tuple[tuple[str, str], ...] = ()
    # Sus columnas jsonb, que COPY quiere escritas de otro modo que un texto.
    jsonb: tuple[str, ...] = ()
    # Como figura en el libro de cargas: «datos.pedidos».
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.schema}.{self.table}")


@dataclass(frozen=True)
class Declared:
    """Un data set declarado: a qué tabla van sus filas, qué deben cumplir y cómo están escritos sus archivos.

    `files`: el patrón de sus nombres, sin extensiones. `function`: la transformación, si la tiene.
    `fingerprint`: la huella de todo ello; cambia con lo que decide cómo se lee un archivo.
    """

    table: Table
    rows: Schema
    dialect: Dialect
    files: str
    function: Callable[..., Any] | None = None
    fingerprint: str = ""
    # Las columnas que trae el archivo: todas menos las calculadas.
    in_file: Schema = field(init=False)

    def __post_init__(self) -> None:
        columns = tuple(column for column in self.rows.columns if not column.computed)
        object.__setattr__(self, "in_file", Schema(columns))
