"""De una declaración sale todo lo demás: columnas, reglas, condiciones de la tabla y destino."""

import annotated_types as at
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from declared.clientes import Cliente
from declared.productos import Producto
from declared.tiendas import Tienda
from declared.ventas import Venta
from etl.dataset import arrow_type, declared, schema_of
from etl.rules import OneOf, Pattern
from etl.schema import Column, ForeignKey, RowCheck


def ddl(dataset: type) -> str:
    return str(CreateTable(dataset.__table__).compile(dialect=postgresql.dialect()))  # type: ignore[attr-defined]


def test_the_columns_of_a_declaration_are_those_of_the_file_in_its_order() -> None:
    assert schema_of(Venta).names == [
        "venta_id",
        "fecha_venta",
        "cliente_id",
        "producto_id",
        "tienda_id",
        "cantidad",
        "precio_unitario",
        "descuento_pct",
        "canal",
    ]


def test_types_lengths_and_rules_come_from_the_annotations() -> None:
    columns = {column.name: column for column in schema_of(Cliente).columns}
    assert columns["cliente_id"] == Column("cliente_id", pa.int32(), False, (at.Ge(1),))
    assert columns["nif"].rules == (at.MaxLen(9), Pattern("^[0-9XYZ][0-9]{7}[A-Z]$", "12345678Z"))
    assert columns["fecha_nacimiento"] == Column("fecha_nacimiento", pa.date32(), True, ())


def test_a_literal_is_a_list_of_allowed_values() -> None:
    canal = schema_of(Venta).columns[-1]
    assert canal == Column("canal", pa.string(), False, (OneOf(("tienda", "web", "telefono")),))


def test_an_interval_is_two_rules() -> None:
    columns = {column.name: column for column in schema_of(Tienda).columns}
    assert columns["latitud"] == Column("latitud", pa.float64(), False, (at.Ge(-90), at.Le(90)))


def test_conditions_between_columns_reach_the_schema() -> None:
    assert schema_of(Producto).checks == (
        RowCheck("coste_hasta_precio", "coste <= precio", "el coste no supera el precio"),
    )


def test_every_rule_is_a_check_of_the_table() -> None:
    table = ddl(Venta)
    for condition in (
        "CHECK (venta_id >= 1)",
        "CHECK (cantidad >= 1)",
        "CHECK (cantidad <= 1000)",
        "CHECK (precio_unitario > 0)",
        "CHECK (descuento_pct >= 0)",
        "CHECK (descuento_pct <= 100)",
        "CHECK (canal IN ('tienda', 'web', 'telefono'))",
    ):
        assert condition in table
    assert "CHECK (nif ~ '^[0-9XYZ][0-9]{7}[A-Z]$')" in ddl(Cliente)
    assert "CHECK (fecha_nacimiento < fecha_alta)" in ddl(Cliente)


def test_the_target_knows_its_keys_and_who_points_at_it() -> None:
    ventas, clientes = declared(Venta).table, declared(Cliente).table
    assert (ventas.name, ventas.key) == ("datos.ventas", ("venta_id",))
    assert ventas.foreign_keys == (
        ForeignKey("cliente_id", "datos", "clientes", "cliente_id"),
        ForeignKey("producto_id", "datos", "productos", "producto_id"),
        ForeignKey("tienda_id", "datos", "tiendas", "tienda_id"),
    )
    assert clientes.referenced_by == (("datos", "fk_ventas_cliente_id"),)


def test_each_sql_type_has_the_arrow_type_with_the_same_values() -> None:
    pairs = [
        (sa.SmallInteger(), pa.int16()),
        (sa.Integer(), pa.int32()),
        (sa.BigInteger(), pa.int64()),
        (sa.Numeric(10, 2), pa.decimal128(10, 2)),
        (sa.Double(), pa.float64()),
        (sa.Boolean(), pa.bool_()),
        (sa.Date(), pa.date32()),
        (sa.DateTime(), pa.timestamp("us")),
        (sa.DateTime(timezone=True), pa.timestamp("us", "UTC")),
        (sa.String(10), pa.string()),
        (sa.Text(), pa.string()),
    ]
    assert [arrow_type(sql_type) for sql_type, _ in pairs] == [expected for _, expected in pairs]
