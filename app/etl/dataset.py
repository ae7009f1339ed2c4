"""La declaración de un data set: una clase que dice qué columnas, tipos, reglas y archivos tiene.

De ella salen la tabla (Alembic), los CHECK de PostgreSQL, las conversiones y la validación
(`schema_of`). Cómo se escribe, paso a paso: `docs/hagala-suya.md`.
"""

import sys
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, cast, get_args, get_origin, get_type_hints

import annotated_types as at
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from etl.dialect import Dialect
from etl.rules import KINDS, OneOf, Rule, limit
from etl.schema import Column, Declared, ForeignKey, RowCheck, Schema, Table

# Nombres previsibles: Alembic solo puede borrar lo que sabe cómo se llama.
NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(column_0_N_label)s",
}
# El tipo de Arrow de cada clase de SQLAlchemy; las más precisas, antes: un BigInteger es también un Integer.
ARROW_TYPES: dict[Any, Callable[[Any], pa.DataType]] = {
    sa.SmallInteger: lambda _: pa.int16(),
    sa.BigInteger: lambda _: pa.int64(),
    sa.Integer: lambda _: pa.int32(),
    sa.Float: lambda _: pa.float64(),
    sa.Numeric: lambda kind: pa.decimal128(kind.precision or 38, kind.scale or 0),
    sa.Boolean: lambda _: pa.bool_(),
    sa.Date: lambda _: pa.date32(),
    sa.DateTime: lambda kind: pa.timestamp("us", "UTC" if kind.timezone else None),
    sa.String: lambda _: pa.string(),
    sa.JSON: lambda _: pa.string(),
}


class Dataset(DeclarativeBase):
    """Base de todas las declaraciones; cada subclase es una tabla del esquema `datos`.

    `files`: patrón del nombre, sin extensiones («pedidos_*» vale para pedidos_2025-01.csv.gz).
    `dialect`: cómo está escrito. Una clave que ya cargó otro archivo se actualiza.
    `transform`: si se define, una función que recibe un DataFrame con los tipos declarados y lo devuelve
    limpio, o con las columnas `computed` (vea `docs/hagala-suya.md`).

    Lo que la tabla dice de sí misma (COMMENT ON) es el primer párrafo del docstring de su archivo o, sin él, del de la
    clase, si no lo dice `__table_args__`; una columna, lo que lleve su `mapped_column(comment=...)`.
    """

    metadata = sa.MetaData(schema="datos", naming_convention=NAMING)

    files: ClassVar[str]
    dialect: ClassVar[Dialect] = Dialect()

    load_id: Mapped[int] = mapped_column("_load_id", sa.Integer, sort_order=1000, comment="su carga, en etl.loads")
    line: Mapped[int] = mapped_column("_line", sa.BigInteger, sort_order=1001, comment="su línea en el archivo")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        table = cast(sa.Table, cls.__table__)
        said = table.comment or sys.modules[cls.__module__].__doc__ or cls.__doc__ or ""
        table.comment = " ".join(said.split("\n\n")[0].split()) or None
        for name, rules in column_rules(cls).items():
            for number, rule in enumerate(rules, start=1):
                label = name if len(rules) == 1 else f"{name}_{number}"
                condition = _condition(rule, table.c[name])
                table.append_constraint(sa.CheckConstraint(condition, name=label))
        for constraint in table.foreign_key_constraints:
            # Al reemplazar un archivo, una fila se borra y vuelve: la referencia se mira al final.
            constraint.deferrable = True


def computed(*arguments: Any, **options: Any) -> Any:
    """Como `mapped_column`, para una columna que no está en el archivo: la calcula la transformación."""
    return mapped_column(*arguments, **options, info={"computed": True})


def row_check(name: str, expression: str, message: str) -> sa.CheckConstraint:
    """Una condición entre columnas, para `__table_args__`: la comprueban pandas y PostgreSQL.

    `expression` usa solo lo que ambos leen igual: `<`, `<=`, `>`, `>=`, `and`, `or` y aritmética.
    """
    return sa.CheckConstraint(expression, name=name, info={"row_check": RowCheck(name, expression, message)})


def column_rules(dataset: type[Dataset]) -> dict[str, tuple[Rule, ...]]:
    """Las reglas que lleva cada anotación: `Annotated[int, Ge(1)]`, `Literal["a", "b"]`."""
    hints = get_type_hints(dataset, include_extras=True)
    mapped = {name: hint for name, hint in hints.items() if get_origin(hint) is Mapped}
    names = {prop.key: prop.columns[0].name for prop in sa.inspect(dataset).column_attrs}
    return {names[key]: tuple(_rules(get_args(hint)[0])) for key, hint in mapped.items()}


def _rules(hint: Any) -> list[Rule]:
    if get_origin(hint) is Annotated:
        inner, *metadata = get_args(hint)
        flat = [rule for item in metadata for rule in (item if isinstance(item, at.GroupedMetadata) else [item])]
        return _rules(inner) + [rule for rule in flat if isinstance(rule, Rule)]
    if get_origin(hint) is Literal:
        return [OneOf(get_args(hint))]
    return [rule for part in get_args(hint) for rule in _rules(part)]


def _condition(rule: Rule, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """La misma regla, como condición de un CHECK."""
    kind = KINDS[type(rule)]
    condition: sa.ColumnElement[bool] = kind.condition(
        sa.func.char_length(column) if kind.of_length else column, limit(rule)
    )
    return condition


def schema_of(dataset: type[Dataset]) -> Schema:
    """La forma de las filas que declara la clase, ya sin SQLAlchemy."""
    table = dataset.__table__
    rules = column_rules(dataset)
    columns = tuple(
        Column(
            column.name,
            arrow_type(column.type),
            bool(column.nullable),
            _length_rule(column.type) + rules.get(column.name, ()),
            "computed" in column.info,
        )
        for column in table.columns
        if not column.name.startswith("_")
    )
    checks = [item.info["row_check"] for item in table.constraints if "row_check" in item.info]  # type: ignore[attr-defined]
    return Schema(columns, tuple(sorted(checks, key=lambda check: check.name)))


def declared(dataset: type[Dataset]) -> Declared:
    """Todo lo que dice la clase, ya sin SQLAlchemy."""
    function = getattr(dataset, "transform", None)
    return Declared(table_of(dataset), schema_of(dataset), dataset.dialect, dataset.files, function)


def table_of(dataset: type[Dataset]) -> Table:
    """La tabla de la clase, con sus claves y con quién apunta a ella."""
    table = cast(sa.Table, dataset.__table__)
    referenced_by = [
        (str(other.schema), str(constraint.name))
        for other in table.metadata.sorted_tables
        for constraint in other.foreign_key_constraints
        if constraint.referred_table is table
    ]
    return Table(
        str(table.schema),
        str(table.name),
        tuple(column.name for column in table.primary_key),
        tuple(_foreign_key(key) for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)),
        tuple(referenced_by),
        # Por su nombre: importar los tipos de PostgreSQL cuesta 40 ms de cada orden.
        tuple(column.name for column in table.columns if column.type.__visit_name__ == "JSONB"),
    )


def _foreign_key(key: sa.ForeignKey) -> ForeignKey:
    parent = key.column.table
    return ForeignKey(key.parent.name, str(parent.schema), str(parent.name), key.column.name)


def _length_rule(sql_type: sa.types.TypeEngine[Any]) -> tuple[Rule, ...]:
    """`String(80)` ya es una regla: PostgreSQL rechazaría el texto más largo. Un enumerado tiene la suya."""
    if isinstance(sql_type, sa.String) and not isinstance(sql_type, sa.Enum) and sql_type.length:
        return (at.MaxLen(sql_type.length),)
    return ()


def arrow_type(sql_type: sa.types.TypeEngine[Any]) -> pa.DataType:
    """El tipo de Arrow con los mismos valores que el de PostgreSQL, ni uno más. Lanza `TypeError` si no lo hay."""
    for kind, arrow in ARROW_TYPES.items():
        if isinstance(sql_type, kind):
            return arrow(sql_type)
    raise TypeError(f"el tipo {sql_type!r} no se admite")
