"""Las dos maneras de escribir una fila para COPY llegan iguales a PostgreSQL."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from psycopg import sql

from etl.load import table
from support import ServerAddress, connect

TYPES = {
    "entero": ("integer", pa.int32(), [1, None, -(2**31), 2**31 - 1]),
    "largo": ("bigint", pa.int64(), [1, None, -(2**63), 2**63 - 1]),
    "texto": ("text", pa.string(), ["ñ €", None, "", 'a,"b"\n\\.\n\tc\\N']),
    "fecha": ("date", pa.date32(), [date(2024, 2, 29), None, date(1, 1, 1), date(9999, 12, 31)]),
    "momento": ("timestamp", pa.timestamp("us"), [datetime(2024, 2, 29, 23, 59, 59, 999999), None, None, None]),
    "importe": (
        "numeric(20,2)",
        pa.decimal128(20, 2),
        [Decimal("0.10"), None, Decimal("-123456789012345678.99"), Decimal("10000.00")],
    ),
    "medida": ("double precision", pa.float64(), [0.1, None, 1e-300, -1.7976931348623157e308]),
    "activo": ("boolean", pa.bool_(), [True, None, False, True]),
}


@pytest.mark.parametrize("how", [table.as_binary, table.as_csv])
def test_every_type_comes_back_as_it_was(server: ServerAddress, how: Any) -> None:
    values = {name: pa.array(column, data_type) for name, (_, data_type, column) in TYPES.items()}
    rows = pa.table(values)
    definition = ", ".join(f"{name} {sql_type}" for name, (sql_type, _, _) in TYPES.items())
    option, (start, end) = ("FORMAT csv", (b"", b"")) if how is table.as_csv else ("FORMAT binary", table.BINARY)
    with connect(server) as connection:
        connection.execute(f"CREATE TEMP TABLE t (fila serial, {definition})")
        columns = sql.SQL(", ").join(map(sql.Identifier, TYPES))
        statement = sql.SQL("COPY t ({}) FROM STDIN ({})").format(columns, sql.SQL(option))
        with connection.cursor().copy(statement) as copy:
            for piece in (start, *how(rows), end):
                copy.write(piece)
        came_back = connection.execute(sql.SQL("SELECT {} FROM t ORDER BY fila").format(columns)).fetchall()
    assert came_back == list(zip(*(column for _, _, column in TYPES.values()), strict=True))
