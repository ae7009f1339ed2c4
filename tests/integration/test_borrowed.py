"""Lo que el dueño presta mientras se carga, la clave y las referencias: el resultado es el mismo, y todo vuelve."""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from declared.clientes import Cliente
from declared.productos import Producto
from declared.tiendas import Tienda
from declared.ventas import Venta
from etl.database.connection import LOADER, Connection, connect
from etl.database.migrate import migrate
from etl.declarations import in_order
from etl.errors import FileFailed
from etl.schema import Table
from etl.settings import Settings
from extras.bulk import borrow, sieve, writer
from extras.bulk.borrow import give_key_back, pause_references, resume_references, take_key
from loader import etl
from own_rows import CLIENTES, VENTAS, cliente, load_one, numbers, query, rejects, venta, write_parents
from own_rows import load as load_all
from support import connect_settings

SALES = in_order([Cliente, Producto, Tienda, Venta])[-1].table
KEY = (
    "SELECT conname, pg_get_constraintdef(oid), conindid::regclass::text FROM pg_constraint"
    " WHERE conrelid = 'datos.ventas'::regclass AND contype = 'p'"
)
INSERT = "INSERT INTO datos.ventas SELECT (jsonb_populate_record(NULL::datos.ventas, %s)).*"
A_SALE = {
    "venta_id": 1, "fecha_venta": "2025-01-31", "producto_id": 1, "tienda_id": 1, "cantidad": 2, "precio_unitario": 1,
    "descuento_pct": 0, "canal": "web", "importe_eur": 2, "_load_id": 1, "_line": 2,
}  # fmt: skip
TRIGGERS = "SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid = 'datos.ventas'::regclass ORDER BY 1"
# Por encima de las que prueban las demás: una que ya estaba.
BEFORE = 10_000_000


@pytest.fixture
def parents(settings: Settings) -> Settings:
    write_parents(settings)
    load_all(settings)
    with connect_settings(settings) as owner:  # que nadie más toque la tabla
        owner.execute("ALTER TABLE datos.ventas SET (autovacuum_enabled = false)")
    return settings


@pytest.fixture
def loader(parents: Settings) -> Iterator[Connection]:
    with connect(parents, role=LOADER) as connection:
        yield connection


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Si cada carga, aunque sea pequeña, pudo quitar la clave: sin esto, una prueba podría pasar por el otro camino."""
    monkeypatch.setattr(writer, "SMALL", 0)
    found: list[bool] = []

    def take(connection: Connection, table: Table) -> bool:
        found.append(take_key(connection, table))
        return found[-1]

    monkeypatch.setattr(borrow, "take_key", take)
    return found


def empty(settings: Settings) -> None:
    with connect_settings(settings) as owner:
        owner.execute("TRUNCATE datos.ventas, etl.loads CASCADE")


SOME_SALES = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from(["1", "7"]), st.sampled_from(["2", "muchas"])),
    min_size=1,
    max_size=30,
)


MANY_SALES = st.lists(
    st.tuples(st.integers(1, 900), st.sampled_from(["1"] * 29 + ["7"]), st.sampled_from(["2"] * 29 + ["muchas"])),
    min_size=20,
    max_size=80,
)


@with_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sales=SOME_SALES)
def test_an_empty_table_and_a_full_one_end_up_alike(
    parents: Settings, taken: list[bool], sales: list[tuple[int, str, str]]
) -> None:
    """Con repetidas, huérfanas (el producto 7) y filas malas a la vez."""
    end_up_alike(parents, taken, sales)


@with_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sales=MANY_SALES)
def test_what_clashes_may_be_in_another_chunk(
    parents: Settings, taken: list[bool], sales: list[tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unas cuatro filas por trozo: casi todos entran antes de que algo falle."""
    monkeypatch.setattr("etl.extract.delimited.BLOCK", 200)
    end_up_alike(parents, taken, sales)


def end_up_alike(parents: Settings, taken: list[bool], sales: list[tuple[int, str, str]]) -> None:
    lines = [venta(number, producto_id=product, cantidad=amount) for number, product, amount in sales]
    seen = []
    for already in ([], [venta(BEFORE)]):
        empty(parents)
        if already:
            load_one(parents, "ventas_antes.csv", VENTAS, *already)
        taken.clear()
        result = load_one(parents, "ventas.csv", VENTAS, *lines)
        assert taken == [not already]
        kept = query(parents, f"SELECT venta_id, _line FROM datos.ventas WHERE venta_id < {BEFORE} ORDER BY 1")
        seen.append((result.status, numbers(result), kept, rejects(parents), query(parents, KEY)))
    assert seen[0] == seen[1]
    assert seen[0][-1][0][0] == "pk_ventas"


@pytest.mark.parametrize(
    "ids",
    [random.Random(7).choices(range(1, 60_000), k=120_000), [*range(1, 60_001), *range(1, 60_001)]],
    ids=["desde el principio", "solo más adelante"],
)
def test_many_repeated_rows_in_many_chunks(parents: Settings, taken: list[bool], ids: list[int]) -> None:
    result = load_one(parents, "ventas.csv", VENTAS, *map(venta, ids))
    assert taken == [True]
    assert numbers(result) == (120_000, len(set(ids)), 0, 120_000 - len(set(ids)), 0)
    first = {number: line for line, number in reversed(list(enumerate(ids, 2)))}
    assert dict(query(parents, "SELECT venta_id, _line FROM datos.ventas")) == first


@pytest.mark.parametrize("seen_by", ["etl_loader", "etl_owner"], ids=["se comprueba fila a fila", "de una vez"])
def test_a_reference_that_somebody_made_by_hand_is_told_also_of_many_chunks(
    parents: Settings, taken: list[bool], seen_by: str
) -> None:
    with connect_settings(parents) as owner:
        owner.execute("CREATE TABLE datos.cantidades (cantidad int PRIMARY KEY)")
        owner.execute("ALTER TABLE datos.ventas ADD FOREIGN KEY (cantidad) REFERENCES datos.cantidades")
        owner.execute(f"GRANT SELECT ON datos.cantidades TO {seen_by}")
    result = load_one(parents, "ventas.csv", VENTAS, *map(venta, range(1, 200_000)))
    assert (result.status, taken) == ("failed", [True])
    assert "ventas_cantidad_fkey" in result.reason


def test_a_load_that_fails_leaves_the_table_as_it_was(
    parents: Settings, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = query(parents, KEY)

    def no_room(*_: object) -> int:
        raise FileFailed("no cabe", "haga sitio")

    monkeypatch.setattr(borrow, "give_key_back", no_room)
    result = load_one(parents, "ventas.csv", VENTAS, venta(1))
    assert (result.status, taken) == ("failed", [True])
    assert query(parents, KEY) == before
    assert query(parents, "SELECT count(*) FROM datos.ventas") == [0]


@pytest.mark.parametrize(("room", "found"), [(borrow.MEMORY, [2, 101]), (0, [])])
def test_repeated_rows_are_looked_for_where_the_noted_keys_say(
    parents: Settings, taken: list[bool], monkeypatch: pytest.MonkeyPatch, room: int, found: list[int]
) -> None:
    """Si no caben en memoria, en toda la tabla: el resultado es el mismo."""
    looked: list[list[int]] = []

    def look(noted: list[pa.Table], key: tuple[str, ...]) -> list[int]:
        looked.append(sieve.repeated_lines(noted, key))
        return looked[-1]

    monkeypatch.setattr("etl.extract.delimited.BLOCK", 200)
    monkeypatch.setattr(borrow, "MEMORY", room)
    monkeypatch.setattr(borrow, "repeated_lines", look)
    result = load_one(parents, "ventas.csv", VENTAS, *map(venta, range(1, 100)), venta(1, cantidad="7"))
    assert (numbers(result), taken, looked) == ((100, 99, 0, 1, 0), [True], [found])
    assert query(parents, "SELECT cantidad FROM datos.ventas WHERE venta_id = 1") == [2]


def test_keys_that_only_postgresql_finds_equal_are_looked_for_everywhere(parents: Settings, loader: Connection) -> None:
    with connect_settings(parents) as owner:
        owner.execute("SET ROLE etl_owner; CREATE TABLE datos.medidas (x float8 PRIMARY KEY, _line bigint)")
    xs = [*map(float, range(20)), 7.0, -0.0]
    keys = pa.table({"x": xs, "_line": range(2, 2 + len(xs))})
    table = Table("datos", "medidas", key=("x",))
    with loader.transaction():
        assert take_key(loader, table)
        loader.cursor().executemany(
            "INSERT INTO datos.medidas VALUES (%s, %s)", list(zip(xs, keys["_line"].to_pylist(), strict=True))
        )
        assert give_key_back(loader, table, [keys]) == 2
    assert query(parents, "SELECT x::text FROM datos.medidas ORDER BY x LIMIT 1") == ["0"]


def test_a_table_that_others_need_keeps_its_key(settings: Settings, taken: list[bool]) -> None:
    result = load_one(settings, "clientes.csv", CLIENTES, cliente(1), cliente(1))
    assert (numbers(result), taken) == ((2, 1, 0, 1, 0), [False])


def test_who_is_looking_at_the_table_is_not_made_to_wait(parents: Settings, taken: list[bool]) -> None:
    with connect_settings(parents) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM datos.ventas")
        result = load_one(parents, "ventas.csv", VENTAS, venta(1), venta(1))
    assert (numbers(result), taken) == ((2, 1, 0, 1, 0), [False])


def test_a_view_that_leans_on_the_key_keeps_it(parents: Settings, taken: list[bool]) -> None:
    with connect_settings(parents) as owner:
        owner.execute("CREATE VIEW datos.leans AS SELECT venta_id, canal, count(*) FROM datos.ventas GROUP BY venta_id")
        result = load_one(parents, "ventas.csv", VENTAS, venta(1), venta(1))
    assert (numbers(result), taken) == ((2, 1, 0, 1, 0), [False])


def test_a_snapshot_of_before_does_not_see_the_load(parents: Settings, taken: list[bool]) -> None:
    with connect_settings(parents) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with reader.transaction():
            reader.execute("SELECT count(*) FROM datos.tiendas")  # su instantánea es de ahora
            load_one(parents, "ventas.csv", VENTAS, venta(1))
            found = reader.execute("SELECT (SELECT count(*) FROM datos.ventas), (SELECT count(*) FROM etl.loads)")
            assert found.fetchone() == (0, 2)
    assert taken == [True]


def test_a_database_without_the_functions_loads_all_the_same(parents: Settings, taken: list[bool]) -> None:
    with connect_settings(parents) as owner:
        owner.execute("DROP FUNCTION etl.take_key")
    result = load_one(parents, "ventas.csv", VENTAS, venta(1), venta(1))
    assert (numbers(result), taken) == ((2, 1, 0, 1, 0), [False])


def many_sales(count: int) -> list[str]:
    """Más de 64 KB, para que las referencias se comprueben por trozos. La última se repite; la nueve es huérfana."""
    return [*(venta(number, producto_id="7" if number == 9 else "1") for number in range(1, count)), venta(1)]


@pytest.mark.parametrize("already", [[], [venta(BEFORE)]], ids=["vacía", "con filas"])
def test_the_references_of_many_rows_are_checked_all_the_same(
    parents: Settings, monkeypatch: pytest.MonkeyPatch, already: list[str]
) -> None:
    paused = []

    def pause(connection: Connection, table: Table) -> bool:
        paused.append(pause_references(connection, table))
        return paused[-1]

    monkeypatch.setattr(borrow, "pause_references", pause)
    if already:
        load_one(parents, "ventas_antes.csv", VENTAS, *already)
    triggers = query(parents, TRIGGERS)
    result = load_one(parents, "ventas.csv", VENTAS, *many_sales(2000))
    assert (numbers(result), paused) == ((2000, 1998, 0, 1, 1), [True])
    assert rejects(parents) == [(10, "orphan", "producto_id")]
    assert query(parents, TRIGGERS) == triggers


def test_a_small_file_borrows_nothing(parents: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(borrow, "take_key", None)
    monkeypatch.setattr(borrow, "pause_references", None)
    assert numbers(load_one(parents, "ventas.csv", VENTAS, venta(1), venta(1))) == (2, 1, 0, 1, 0)


def test_without_a_superuser_they_are_checked_row_by_row(parents: Settings) -> None:
    with connect_settings(parents) as owner:
        owner.execute("DROP FUNCTION etl.switch_references")
    assert numbers(load_one(parents, "ventas.csv", VENTAS, *many_sales(2000))) == (2000, 1998, 0, 1, 1)


@pytest.mark.parametrize("empty_table", [True, False])
def test_a_parent_cannot_leave_meanwhile(loader: Connection, parents: Settings, empty_table: bool) -> None:
    with connect_settings(parents) as owner, loader.transaction():
        assert take_key(loader, SALES) if empty_table else True
        assert pause_references(loader, SALES)
        loader.execute(INSERT, [Jsonb(A_SALE)])
        resume_references(loader, SALES)
        if empty_table:
            give_key_back(loader, SALES)
        owner.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            owner.execute("DELETE FROM datos.productos")
    with connect_settings(parents) as owner, pytest.raises(psycopg.errors.ForeignKeyViolation):
        owner.execute("DELETE FROM datos.productos")


def test_readers_do_not_notice_that_they_are_paused(loader: Connection, parents: Settings) -> None:
    load_one(parents, "ventas.csv", VENTAS, venta(1))
    with loader.transaction():
        assert pause_references(loader, SALES)
        assert query(parents, "SELECT count(*) FROM datos.ventas") == [1]
        resume_references(loader, SALES)


# Lo que podría intentar quien tenga la contraseña del cargador.


@pytest.mark.parametrize("borrow", [take_key, pause_references])
def test_there_is_no_commit_until_all_is_back(
    loader: Connection, parents: Settings, borrow: Callable[[Connection, Table], bool]
) -> None:
    before = query(parents, KEY), query(parents, TRIGGERS)
    with pytest.raises(psycopg.errors.IntegrityError, match="prestado"), loader.transaction():
        assert borrow(loader, SALES)
    assert (query(parents, KEY), query(parents, TRIGGERS)) == before


@pytest.mark.parametrize("borrow", [take_key, pause_references])
@pytest.mark.parametrize("way", ["SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS etl.all_is_back IMMEDIATE"])
def test_nor_by_asking_before_time(
    loader: Connection, parents: Settings, borrow: Callable[[Connection, Table], bool], way: str
) -> None:
    with pytest.raises(psycopg.errors.IntegrityError, match="prestado"), loader.transaction():
        loader.execute(way)
        borrow(loader, SALES)
    with pytest.raises(psycopg.errors.IntegrityError, match="prestado"), loader.transaction():
        borrow(loader, SALES)
        loader.execute(way)
    assert query(parents, KEY) != []


INTO_PRODUCT_7 = [
    (INSERT, Jsonb(A_SALE | {"venta_id": 2, "producto_id": 7})),
    (f"{INSERT} ON CONFLICT DO NOTHING", Jsonb(A_SALE | {"venta_id": 2, "producto_id": 7})),
    ("UPDATE datos.ventas SET producto_id = %s", 7),
    (f"{INSERT} ON CONFLICT (venta_id) DO UPDATE SET producto_id = 7", Jsonb(A_SALE)),
    (
        "MERGE INTO datos.ventas AS t USING (SELECT %s AS p) AS s ON true WHEN MATCHED THEN UPDATE SET producto_id = s.p",
        7,
    ),
]


@pytest.mark.parametrize(("statement", "value"), INTO_PRODUCT_7)
@pytest.mark.parametrize("when", ["paused", "resumed"])
def test_an_orphan_never_passes(
    loader: Connection, parents: Settings, statement: str, value: object, when: str
) -> None:
    loader.execute(INSERT, [Jsonb(A_SALE)])
    with pytest.raises(psycopg.errors.ForeignKeyViolation), loader.transaction():
        assert pause_references(loader, SALES)
        if when == "resumed":
            resume_references(loader, SALES)
        loader.execute(statement, [value])
    assert query(parents, "SELECT DISTINCT producto_id FROM datos.ventas") == [1]


def test_what_was_not_borrowed_cannot_be_returned(loader: Connection) -> None:
    for give in (give_key_back, resume_references):
        with pytest.raises(psycopg.errors.NoDataFound):
            give(loader, SALES)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT etl.switch_references('datos.ventas', 'off')",
        "SELECT etl.check_references()",
        "ALTER TABLE datos.ventas DISABLE TRIGGER check_insert",
        "TRUNCATE datos.productos CASCADE",
        "INSERT INTO etl.borrowed VALUES ('datos.ventas'::regclass, 'x', 'CHECK (true)')",
        "UPDATE etl.borrowed SET definition = 'CHECK (true)'",
        "DELETE FROM etl.borrowed",
        "SELECT etl.all_is_back()",
    ],
)
def test_what_is_written_down_is_not_for_the_loader(loader: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), loader.transaction():
        assert take_key(loader, SALES) and pause_references(loader, SALES)
        loader.execute(statement)


def test_a_table_with_rows_or_of_another_schema_is_left_alone(loader: Connection, parents: Settings) -> None:
    load_one(parents, "ventas.csv", VENTAS, venta(1))
    loader.execute("CREATE TABLE staging.mine (n integer PRIMARY KEY)")
    for table in (SALES, Table("staging", "mine"), Table("etl", "marts"), Table("pg_catalog", "pg_class")):
        assert not take_key(loader, table)
        assert table is SALES or not pause_references(loader, table)


def test_the_reader_cannot_ask_for_it(parents: Settings) -> None:
    reader = replace(parents, db_user="lector", db_password=parents.reader_password)
    with connect(reader) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT etl.take_key('datos.ventas')")


def test_status_does_not_wait_for_a_table_that_is_being_filled(parents: Settings, loader: Connection) -> None:
    with loader.transaction():
        assert take_key(loader, SALES)
        done, told = etl(parents, "status"), etl(parents, "status", "--json")
        give_key_back(loader, SALES)
    assert re.search(r"datos\.ventas +la reserva otra sesión", done.stdout), done
    assert {"table": "datos.ventas", "rows": None} in json.loads(told.stdout)["tables"]


def test_the_doctor_does_not_wait_for_it_either(parents: Settings, loader: Connection) -> None:
    with loader.transaction():
        assert take_key(loader, SALES)
        done = etl(parents, "doctor")
        give_key_back(loader, SALES)
    assert "timeout" not in done.stdout + done.stderr
    assert "No se puede migrar" not in done.stdout


def test_who_has_to_wait_is_told_so(parents: Settings, loader: Connection) -> None:
    with loader.transaction():
        assert take_key(loader, SALES)
        done = etl(parents, "profile", "ventas", DB_LOCK_SECONDS="0.5")
        give_key_back(loader, SALES)
    assert (done.returncode, done.stderr.splitlines()[0]) == (4, "Error: Otra sesión reserva una de las tablas.")


PARTED = """
SET ROLE etl_owner;
CREATE TABLE datos.madres (id integer PRIMARY KEY);
CREATE TABLE datos.partida (id integer, madre integer REFERENCES datos.madres, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE datos.parte PARTITION OF datos.partida DEFAULT;
CREATE TABLE datos.base (id integer PRIMARY KEY, madre integer REFERENCES datos.madres);
CREATE TABLE datos.heredera (PRIMARY KEY (id), FOREIGN KEY (madre) REFERENCES datos.madres) INHERITS (datos.base);
CREATE TABLE datos.aplazada (id integer PRIMARY KEY,
  madre integer REFERENCES datos.madres DEFERRABLE INITIALLY DEFERRED, otra integer);
CREATE TABLE datos.palabras (palabra text COLLATE "ucs_basic" PRIMARY KEY);
CREATE TABLE datos.dichas (id integer PRIMARY KEY, palabra text COLLATE "C" REFERENCES datos.palabras);
"""


def test_what_is_parted_inherited_deferred_or_compared_otherwise_keeps_its_references(
    parents: Settings, loader: Connection
) -> None:
    with connect_settings(parents) as owner:
        owner.execute(PARTED)
    migrate(parents)
    with loader.transaction():
        for name in ("partida", "parte", "base", "heredera", "dichas"):
            assert not pause_references(loader, Table("datos", name)), name
        for name in ("partida", "parte", "base", "heredera", "aplazada"):
            assert not take_key(loader, Table("datos", name)), name


def test_a_table_in_use_in_its_own_session_is_left_alone(loader: Connection) -> None:
    with loader.transaction():
        loader.execute("DECLARE mine CURSOR FOR SELECT * FROM datos.ventas")
        assert not take_key(loader, SALES)
