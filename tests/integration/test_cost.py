"""Lo que cuesta un archivo depende de sus filas y no de las que ya hay: se mira qué leyó PostgreSQL, no el reloj."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from etl.extract.source import Source
from etl.load.ledger import Counts, Load, begin, finish, rows_of
from etl.load.table import widen
from etl.load.versions import GONE, _mark_incomplete
from etl.schema import Table
from etl.settings import Settings
from own_rows import (
    CLIENTES,
    VENTAS,
    cliente,
    clientes,
    load,
    load_one,
    numbers,
    query,
    venta,
    write,
    write_parents,
)  # fmt: skip
from support import connect_settings

MANY = 2000
# Con tan pocas filas recorrer la tabla sale a cuenta; así, solo se recorre si no hay otro modo, como si fueran muchas.
AS_IF_LARGE = "ALTER ROLE etl_loader IN DATABASE {} SET enable_seqscan = off"
AS_IT_IS = "ALTER ROLE etl_loader IN DATABASE {} RESET enable_seqscan"


@pytest.fixture
def full(settings: Settings, tmp_path: Path) -> Settings:
    """Muchos clientes ya cargados y ningún mart, que leería la tabla entera."""
    alone = replace(settings, sql_dir=tmp_path)
    write_parents(alone)
    for name in ("productos.csv", "tiendas.jsonl"):
        load_one(alone, name, (alone.datos_dir / name).read_bytes())
    load_one(alone, "clientes.csv", CLIENTES, *(cliente(number) for number in range(1, MANY + 1)))
    with connect_settings(alone) as connection:
        connection.execute(sql.SQL(AS_IF_LARGE).format(sql.Identifier(str(alone.db_name))))
    return alone


def rows_read(settings: Settings) -> int:
    """Cuántas filas de clientes se han leído recorriendo la tabla."""
    wait_for_the_loader(settings)
    found: list[int] = query(settings, "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'clientes'")
    return found[0]


def wait_for_the_loader(settings: Settings) -> None:
    """Hasta que se va no dice lo que ha leído."""
    left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'etl'"
    while query(settings, left) != [0]:
        time.sleep(0.01)


def put(settings: Settings, name: str, first: int, last: int, nombre: str = "Ana") -> tuple[int, ...]:
    result = load_one(settings, name, CLIENTES, *(cliente(n, nombre) for n in range(first, last + 1)))
    return numbers(result)


def change_a_version(settings: Settings) -> None:
    put(settings, "clientes_hoy.csv", MANY + 1, MANY + 50)
    assert put(settings, "clientes_hoy.csv", MANY + 1, MANY + 49, "Eva") == (49, 49, 0, 0, 0)


def bring_a_key_of_another_file(settings: Settings) -> None:
    assert put(settings, "clientes_hoy.csv", MANY, MANY + 49) == (50, 50, 1, 0, 0)


def give_up_a_key_of_another_file(settings: Settings) -> None:
    bring_a_key_of_another_file(settings)
    assert put(settings, "clientes_hoy.csv", MANY + 1, MANY + 49) == (49, 49, 0, 0, 0)
    assert query(settings, "SELECT file FROM etl.loads WHERE incomplete") == ["clientes.csv"]


def give_up_what_no_other_file_brought(settings: Settings) -> None:
    bring_a_key_of_another_file(settings)
    assert put(settings, "clientes_hoy.csv", MANY, MANY + 48) == (49, 49, 0, 0, 0)
    assert query(settings, "SELECT file FROM etl.loads WHERE incomplete") == []


def bring_an_orphan(settings: Settings) -> None:
    sales = (venta(number, cliente_id=str(number)) for number in range(MANY - 48, MANY + 2))
    assert numbers(load_one(settings, "ventas.csv", VENTAS, *sales)) == (50, 49, 0, 0, 1)


@pytest.mark.parametrize(
    "load_little",
    [
        change_a_version,
        bring_a_key_of_another_file,
        give_up_a_key_of_another_file,
        give_up_what_no_other_file_brought,
        bring_an_orphan,
    ],
)
def test_a_small_file_does_not_read_a_large_table(full: Settings, load_little: Callable[[Settings], None]) -> None:
    before = rows_read(full)
    load_little(full)
    assert rows_read(full) == before


@pytest.mark.parametrize(
    "change",
    ["declaration = 'otra'", "rows_loaded = rows_loaded + 1, rows_read = rows_read + 1"],
    ids=["otra declaración", "otra cuenta"],
)
def test_limits_that_may_not_hold_any_more_are_not_used(full: Settings, change: str) -> None:
    """La clave podía ser de otro tipo, o hay filas que llegaron después: se recorre la tabla."""
    put(full, "clientes_hoy.csv", MANY + 1, MANY + 3)
    narrow = """keys = jsonb_set(keys, '{limits}', '{"cliente_id": ["1", "2"]}')"""
    with connect_settings(full) as connection:
        connection.execute(f"UPDATE etl.loads SET {narrow}, {change} WHERE file = 'clientes_hoy.csv'".encode())
    put(full, "clientes_hoy.csv", MANY + 1, MANY + 2, "Eva")
    assert clientes(full)[MANY:] == [(MANY + 1, "Eva"), (MANY + 2, "Eva")]


KEYS = st.tuples(
    st.integers(-(2**31), 2**31 - 1),
    st.decimals(-(10**8), 10**8, places=3),
    st.dates(date(1, 1, 1)),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3),
)
TYPES = ("integer", "numeric(12, 3)", "date", "timestamp", "text", "timestamptz")
ARROW = (pa.int32(), pa.decimal128(12, 3), pa.date32(), pa.timestamp("us"), pa.string(), pa.timestamp("us", "UTC"))
NAMES = tuple("abcdef")
# Una clave también puede llamarse como una columna del libro.
OF_THE_LEDGER = ("keys", "declaration", "rows_loaded", "load_id", "limits", "id")


@given(chunks=st.lists(st.lists(KEYS, max_size=3), min_size=1, max_size=3))
def test_the_limits_let_no_row_of_the_load_out(
    settings: Settings, chunks: list[list[tuple[int, Decimal, date, datetime, str]]]
) -> None:
    """Sea cual sea el tipo de la clave: lo dice PostgreSQL, que es quien las ordena."""
    found: dict[str, tuple[Any, Any]] = {}
    rows = [[(*row, row[3].replace(tzinfo=UTC) + timedelta(hours=1)) for row in chunk] for chunk in chunks]
    for chunk in rows:
        columns = zip(*chunk, strict=True) if chunk else [()] * len(NAMES)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, ARROW, strict=True)]
        widen(found, pa.table(dict(zip(NAMES, arrays, strict=True))), NAMES)
    condition = rows_of(Table("pg_temp", "filas", NAMES), 7, found)
    with connect_settings(settings) as connection:
        fields = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, TYPES, strict=True))
        connection.execute(f"CREATE TEMP TABLE filas ({fields}, _load_id integer DEFAULT 7)".encode())
        insert = b"INSERT INTO filas VALUES (%s, %s, %s, %s, %s, %s)"
        with connection.cursor() as cursor:
            cursor.executemany(insert, [row for chunk in rows for row in chunk])
        kept = connection.execute(sql.SQL("SELECT count(*) FROM filas WHERE {}").format(condition)).fetchone()
    assert kept == (sum(map(len, rows)),)


@given(chunk=st.lists(KEYS, min_size=1, max_size=3), other=KEYS, of_chunk=st.booleans(), with_text=st.booleans())
def test_no_load_that_may_bring_a_key_goes_unmarked(
    settings: Settings, chunk: list[Any], other: Any, of_chunk: bool, with_text: bool
) -> None:
    """Y una que no puede, porque su primera columna cae fuera, no se repite; con un texto en la clave no se sabe."""
    kinds = [kind for kind in zip(OF_THE_LEDGER, TYPES, ARROW, strict=True) if with_text or kind[1] != "text"]
    rows = [(*row, row[3].replace(tzinfo=UTC)) for row in (*chunk, other)]
    rows = [tuple(value for value in row if with_text or not isinstance(value, str)) for row in rows]
    arrays = [pa.array(values[:-1], kind) for values, (_, _, kind) in zip(zip(*rows, strict=True), kinds, strict=True)]
    counts = Counts(read=len(chunk), loaded=len(chunk))
    names = tuple(name for name, _, _ in kinds)
    widen(counts.limits, pa.table(dict(zip(names, arrays, strict=True))), names)
    load = Load(
        uuid4(), "local", Source(Path("a.csv"), "a.csv", "a.csv"), Table("datos", "filas", names), declaration="esta"
    )
    gone = rows[0] if of_chunk else rows[-1]
    with connect_settings(settings) as connection, connection.transaction(force_rollback=True):
        fields = ", ".join(f"{name} {kind}" for name, kind, _ in kinds)
        connection.execute(f"CREATE TEMP TABLE etl_gone ({fields})".encode())
        connection.execute(f"INSERT INTO etl_gone VALUES ({', '.join(['%s'] * len(gone))})".encode(), gone)
        begin(connection, load)
        finish(connection, load, "a", counts, None, [])
        connection.execute("UPDATE etl.loads SET ceded = true")
        _mark_incomplete(connection, load, GONE)
        marked = connection.execute("SELECT incomplete FROM etl.loads").fetchone()
    first = [row[0] for row in rows[:-1]]
    if of_chunk or with_text:
        assert marked == (True,)
    elif not min(first) <= gone[0] <= max(first):
        assert marked == (False,)


@pytest.mark.parametrize("more_bytes", [0, 1], ids=["del mismo tamaño", "de otro"])
def test_the_next_file_costs_the_same_however_many_there_were(full: Settings, more_bytes: int) -> None:
    """Nuevo o conocido: se cuentan las filas del libro que lee cada uno, aparte de lo que lee toda ejecución."""
    paths = [write(full, f"clientes_{number}.csv", CLIENTES, cliente(9000 + number)) for number in range(20)]
    with connect_settings(full) as connection:
        connection.execute(
            "INSERT INTO etl.loads (run_id, file, table_name, engine, sha256, bytes, status)"
            " SELECT gen_random_uuid(), 'otro_' || n || '.csv', 'datos.clientes', 'local', md5(n::text), %s, 'loaded'"
            " FROM generate_series(1, 5000) AS n",
            (paths[0].stat().st_size + more_bytes,),
        )
        connection.execute("ANALYZE etl.loads")
        connection.execute(sql.SQL(AS_IT_IS).format(sql.Identifier(str(full.db_name))))
    reads = [ledger_rows_read(full)]
    for some in (paths[:1], paths, paths[:1], paths):
        load(full, *some)
        reads.append(ledger_rows_read(full))
    one, new, known, all_known = (after - before for before, after in pairwise(reads))
    assert new - one < 19 * 20
    assert all_known - known < 19 * 20


def ledger_rows_read(settings: Settings) -> int:
    wait_for_the_loader(settings)
    found: list[int] = query(
        settings, "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relid = 'etl.loads'::regclass"
    )
    return found[0]


def test_what_is_already_loaded_is_passed_over_without_a_transaction_for_each(full: Settings) -> None:
    paths = [write(full, f"clientes_{number}.csv", CLIENTES, cliente(9000 + number)) for number in range(41)]
    load(full, *paths)
    commits = [committed(full)]
    for some in (paths[:1], paths):
        assert {file.status for file in load(full, *some).files} == {"skipped"}
        commits.append(committed(full))
    one, all_of_them = (after - before for before, after in pairwise(commits))
    assert all_of_them - one < 20


def committed(settings: Settings) -> int:
    wait_for_the_loader(settings)
    found: list[int] = query(settings, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
    return found[0]
