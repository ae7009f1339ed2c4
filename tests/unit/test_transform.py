"""`transform`: de cada trozo salen las filas que valen y, de las demás, por qué no."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import annotated_types as at
import pyarrow as pa

from etl.chunk import Chunk, Reject
from etl.dialect import Dialect
from etl.rules import OneOf, Pattern
from etl.schema import Column, Declared, RowCheck, Schema, Table
from etl.transform.validate import transform

SCHEMA = Schema(
    (
        Column("id", pa.int32(), nullable=False, rules=(at.Ge(1),)),
        Column("precio", pa.decimal128(8, 2), rules=(at.Gt(0), at.Le(1000))),
        Column("coste", pa.decimal128(8, 2)),
        Column("alta", pa.date32()),
        Column("postal", pa.string(), rules=(Pattern("^[0-9]{5}$", "08001"),)),
    ),
    (RowCheck("margen", "coste <= precio", "el coste no supera el precio"),),
)
DECLARED = Declared(Table("datos", "cosas"), SCHEMA, Dialect(), "cosas*")
GOOD = ("1", "10.00", "4.00", "2024-01-15", "08001")


def chunk(*rows: tuple[str | None, ...], rejects: list[Reject] | None = None) -> Chunk:
    """Las filas están en las líneas 2, 3, 4…, tras una cabecera."""
    columns = {
        name: pa.array([row[position] for row in rows], pa.string()) for position, name in enumerate(SCHEMA.names)
    }
    raws = [",".join(cell or "" for cell in row) for row in rows]
    lines = pa.array(range(2, 2 + len(rows)), pa.int64())
    return Chunk(pa.table(columns), lines, raws.__getitem__, Dialect(), rejects or [])


def only_reject(row: tuple[str | None, ...]) -> Reject:
    rows, rejects = transform(chunk(GOOD, row, GOOD), DECLARED)
    assert rows["_line"].to_pylist() == [2, 4]
    assert len(rejects) == 1
    return rejects[0]


def test_good_rows_come_out_with_their_types_and_lines() -> None:
    rows, rejects = transform(chunk(GOOD, ("2", None, None, None, None)), DECLARED)
    assert rejects == []
    assert rows.to_pylist() == [
        {
            "id": 1,
            "precio": Decimal("10.00"),
            "coste": Decimal("4.00"),
            "alta": date(2024, 1, 15),
            "postal": "08001",
            "_line": 2,
        },
        {"id": 2, "precio": None, "coste": None, "alta": None, "postal": None, "_line": 3},
    ]


def test_a_required_value_that_is_missing() -> None:
    assert only_reject((None, *GOOD[1:])) == Reject(
        3,
        ",10.00,4.00,2024-01-15,08001",
        "id",
        None,
        "missing",
        "columna «id»: está vacía y se esperaba un valor: es obligatoria",
    )


def test_a_value_of_another_type() -> None:
    assert only_reject(("1", "diez", *GOOD[2:])) == Reject(
        3,
        "1,diez,4.00,2024-01-15,08001",
        "precio",
        "diez",
        "type",
        "columna «precio»: se leyó «diez» y se esperaba un número con 6 cifras enteras y 2 decimales como máximo",
    )


def test_a_value_out_of_range_says_which_limit() -> None:
    reject = only_reject(("1", "1000.01", *GOOD[2:]))
    assert (reject.column, reject.value, reject.code) == ("precio", "1000.01", "out_of_range")
    assert reject.message == "columna «precio»: se leyó «1000.01» y se esperaba un valor menor o igual que 1000"


def test_a_text_without_the_declared_form() -> None:
    reject = only_reject((*GOOD[:4], "8001"))
    assert (reject.column, reject.value, reject.code) == ("postal", "8001", "pattern")


def test_a_condition_between_columns() -> None:
    reject = only_reject(("1", "4.00", "4.01", *GOOD[3:]))
    assert (reject.column, reject.value, reject.code) == (None, None, "check")
    assert reject.message == "no se cumple: el coste no supera el precio"


def test_a_null_fulfils_a_condition_between_columns_as_in_sql() -> None:
    rows, rejects = transform(chunk(("1", None, "4.00", None, None)), DECLARED)
    assert (rows.num_rows, rejects) == (1, [])


def test_a_row_with_several_faults_is_one_reject_that_tells_them_all() -> None:
    reject = only_reject(("0", "-1", None, "2023-02-29", "8001"))
    assert (reject.column, reject.value, reject.code) == ("id", "0", "out_of_range")
    assert reject.message == (
        "columna «id»: se leyó «0» y se esperaba un valor mayor o igual que 1; además, "
        "columna «precio»: se leyó «-1» y se esperaba un valor mayor que 0; además, "
        "columna «alta»: se leyó «2023-02-29» y se esperaba una fecha que exista; además, "
        "columna «postal»: se leyó «8001» y se esperaba un texto como «08001»"
    )


def test_rejects_come_in_the_order_of_the_file_with_those_of_the_reader() -> None:
    earlier = Reject(3, "a;b", None, None, "field_count", "tiene 1 campos")
    rows, rejects = transform(chunk(("x", *GOOD[1:]), GOOD, ("y", *GOOD[1:]), rejects=[earlier]), DECLARED)
    assert [reject.line for reject in rejects] == [2, 3, 4]
    assert rows["_line"].to_pylist() == [3]


def test_an_optional_column_that_the_file_lacks_is_null() -> None:
    whole = chunk(GOOD)
    lacking = Chunk(whole.columns.drop_columns(["alta"]), whole.lines, whole.raw, whole.dialect)
    rows, rejects = transform(lacking, DECLARED)
    assert (rows["alta"].to_pylist(), rejects) == ([None], [])


def test_an_empty_chunk_gives_an_empty_table_with_every_column() -> None:
    rows, rejects = transform(chunk(), DECLARED)
    assert (rows.num_rows, rejects) == (0, [])
    assert rows.column_names == ["id", "precio", "coste", "alta", "postal", "_line"]


def test_an_allowed_value_is_compared_exactly() -> None:
    schema = Schema((Column("canal", pa.string(), rules=(OneOf(("web", "tienda")),)),))
    table = pa.table({"canal": pa.array(["web", "Web", " web", None], pa.string())})
    source = Chunk(table, pa.array([2, 3, 4, 5], pa.int64()), str, Dialect())
    rows, rejects = transform(source, replace(DECLARED, rows=schema))
    assert rows["canal"].to_pylist() == ["web", None]
    assert [(reject.line, reject.code) for reject in rejects] == [(3, "not_allowed"), (4, "not_allowed")]
