"""Qué debe cumplir cada fila, dicho sin base de datos: columnas, tipos y reglas.

Lo deduce `dataset.py` de una declaración (o `undeclared/infer.py` de un archivo) y lo usa `transform/`.
Solo valores simples: viaja tal cual a los procesos de Spark.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import annotated_types as at
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Pattern:
    """El texto entero cumple la expresión regular; `example` enseña uno que la cumple."""

    regex: str
    example: str


@dataclass(frozen=True)
class OneOf:
    """El valor es uno de los de la lista."""

    values: tuple[Any, ...]


Rule = at.Ge | at.Gt | at.Le | at.Lt | at.MinLen | at.MaxLen | Pattern | OneOf


@dataclass(frozen=True)
class Column:
    """Una columna: su nombre en la tabla, su tipo de Arrow y lo que se le exige."""

    name: str
    type: pa.DataType
    nullable: bool = True
    rules: tuple[Rule, ...] = ()


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
class Target:
    """La tabla de destino: dónde está, qué filas admite y qué hacer cuando una clave se repite.

    `referenced_by`: las restricciones de otras tablas que apuntan a esta, con su esquema.
    """

    schema_name: str
    table: str
    rows: Schema
    key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    referenced_by: tuple[tuple[str, str], ...] = ()
    on_repeat: Literal["update", "ignore"] = "update"

    @property
    def name(self) -> str:
        return f"{self.schema_name}.{self.table}"


def satisfies(rule: Rule, values: pa.Array) -> pa.Array:
    """Qué valores cumplen la regla: booleanos, nulo donde el valor es nulo."""
    match rule:
        case at.Ge(bound):
            return pc.greater_equal(values, _bound(bound, values.type))
        case at.Gt(bound):
            return pc.greater(values, _bound(bound, values.type))
        case at.Le(bound):
            return pc.less_equal(values, _bound(bound, values.type))
        case at.Lt(bound):
            return pc.less(values, _bound(bound, values.type))
        case at.MinLen(length):
            return pc.greater_equal(pc.utf8_length(values), length)
        case at.MaxLen(length):
            # Un carácter ocupa un byte o más: si los bytes caben, los caracteres también, y es más rápido.
            fits = pc.less_equal(pc.binary_length(values), length)
            return fits if pc.all(fits).as_py() else pc.less_equal(pc.utf8_length(values), length)
        case Pattern(regex):
            return pc.match_substring_regex(values, regex)
        case OneOf(allowed):
            known = pc.is_in(values, pa.array(allowed, values.type))
            return pc.if_else(pc.is_valid(values), known, None)


def _bound(value: Any, data_type: pa.DataType) -> pa.Scalar:
    """El límite con el tipo de la columna; `Decimal(str())` evita que 0.1 deje de ser 0.1."""
    if pa.types.is_decimal(data_type):
        return pa.scalar(Decimal(str(value)))
    return pa.scalar(value, data_type)


def expectation(rule: Rule) -> str:
    """La regla en palabras, para completar «se esperaba …»."""
    match rule:
        case at.Ge(bound):
            return f"un valor mayor o igual que {bound}"
        case at.Gt(bound):
            return f"un valor mayor que {bound}"
        case at.Le(bound):
            return f"un valor menor o igual que {bound}"
        case at.Lt(bound):
            return f"un valor menor que {bound}"
        case at.MinLen(length):
            return f"un texto de {length} caracteres o más"
        case at.MaxLen(length):
            return f"un texto de {length} caracteres como máximo"
        case Pattern(_, example):
            return f"un texto como «{example}»"
        case OneOf(values):
            return "uno de: " + ", ".join(str(value) for value in values)


def reason_code(rule: Rule) -> str:
    """El código estable del rechazo; las consultas y los informes agrupan por él."""
    match rule:
        case at.MinLen() | at.MaxLen():
            return "length"
        case Pattern():
            return "pattern"
        case OneOf():
            return "not_allowed"
        case _:
            return "out_of_range"


def type_expectation(data_type: pa.DataType) -> str:
    """El tipo en palabras, para completar «se esperaba …»."""
    if pa.types.is_integer(data_type):
        return f"un número entero de hasta {data_type.bit_width} bits"
    if pa.types.is_decimal(data_type):
        whole = data_type.precision - data_type.scale
        return f"un número con {whole} cifras enteras y {data_type.scale} decimales como máximo"
    if pa.types.is_floating(data_type):
        return "un número"
    if pa.types.is_date(data_type):
        return "una fecha que exista"
    if pa.types.is_timestamp(data_type):
        return "una fecha y hora que existan"
    if pa.types.is_boolean(data_type):
        return "sí o no"
    return "un texto"
