"""Las dos maneras de escribir una fila para COPY llegan iguales a PostgreSQL."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import cast

import pyarrow as pa
import pytest
from psycopg import sql

from etl.database.connection import Connection
from etl.load.table import TableWriter
from etl.schema import Table
from extras.bulk.binary import BinaryWriter, CsvWriter
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


@pytest.mark.parametrize("how", [TableWriter, CsvWriter, BinaryWriter])
def test_every_type_comes_back_as_it_was(server: ServerAddress, how: type[TableWriter]) -> None:
    rows = pa.table({name: pa.array(column, data_type) for name, (_, data_type, column) in TYPES.items()})
    definition = ", ".join(f"{name} {sql_type}" for name, (sql_type, _, _) in TYPES.items())
    with connect(server) as connection:
        connection.execute(f"CREATE TEMP TABLE t (fila serial, {definition}, _load_id integer)")
        writer = how(cast(Connection, connection), Table("pg_temp", "t"), 7)
        writer.send(writer.target, rows.column_names, writer.encode(rows))
        columns = sql.SQL(", ").join(map(sql.Identifier, TYPES))
        came_back = connection.execute(sql.SQL("SELECT {}, _load_id FROM t ORDER BY fila").format(columns)).fetchall()
    assert came_back == [(*row, 7) for row in zip(*(column for _, _, column in TYPES.values()), strict=True)]


@pytest.mark.parametrize("how", [TableWriter, CsvWriter, BinaryWriter])
def test_a_json_column_takes_text(server: ServerAddress, how: type[TableWriter]) -> None:
    with connect(server) as connection:
        connection.execute("CREATE TEMP TABLE t (objeto jsonb, _load_id integer)")
        writer = how(cast(Connection, connection), Table("pg_temp", "t", jsonb=("objeto",)), 7)
        rows = pa.table({"objeto": ['{"a": "ñ,\\"\\n"}', None, "[]"]})
        writer.send(writer.target, rows.column_names, writer.encode(rows))
        assert connection.execute("SELECT objeto FROM t").fetchall() == [({"a": 'ñ,"\n'},), (None,), ([],)]


@pytest.mark.parametrize("how", [CsvWriter, BinaryWriter])
def test_what_arrow_cannot_write_as_csv_comes_back_too(server: ServerAddress, how: type[TableWriter]) -> None:
    with connect(server) as connection:
        connection.execute("CREATE TEMP TABLE t (datos bytea, tiempo interval, _load_id integer)")
        data, lapse = [b"\x00\xff", None], [timedelta(days=1, seconds=5), None]
        rows = pa.table({"datos": pa.array(data, pa.binary()), "tiempo": pa.array(lapse, pa.duration("us"))})
        writer = how(cast(Connection, connection), Table("pg_temp", "t"), 7)
        writer.send(writer.target, rows.column_names, writer.encode(rows))
        assert connection.execute("SELECT datos, tiempo FROM t").fetchall() == list(zip(data, lapse, strict=True))
