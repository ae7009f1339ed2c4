"""Un mart por grupos queda siempre igual que si se rehiciera entero, y solo se rehace cuando no hay otro modo."""

from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from psycopg import sql

from declared.clientes import Cliente
from declared.productos import Producto
from declared.tiendas import Tienda
from declared.ventas import Venta
from etl.declarations import in_order
from etl.errors import UsageError
from etl.settings import Settings
from extras.forget.forget import forget
from extras.marts.groups import kinds
from extras.quarantine.export import export_rejects
from integration.test_round_trip import edit
from own_rows import CLIENTES, PRODUCTOS, VENTAS, cliente, load, load_one, producto, query, tienda, venta, write
from support import connect_settings

BY_GROUPS = {
    "por_cliente": (
        "-- Por grupos de datos.ventas: cliente_id\n"
        "WITH suyas AS (SELECT cliente_id, count(*) AS lineas, count(DISTINCT fecha_venta) AS dias FROM ventas GROUP BY 1)\n"
        "SELECT suyas.*, nombre FROM suyas LEFT JOIN clientes USING (cliente_id) -- también las de nadie"
    ),
    "por_dia": (
        "-- Por grupos de datos.ventas: fecha_venta, canal.\n"
        "SELECT fecha_venta, canal, p.nombre, sum(cantidad * precio_unitario) AS importe,\n"
        "  rank() OVER (PARTITION BY fecha_venta, canal ORDER BY sum(cantidad)) AS puesto\n"
        "FROM datos.ventas JOIN datos.productos AS p USING (producto_id)\n"
        "GROUP BY fecha_venta, canal, producto_id, p.nombre HAVING sum(cantidad) > 2 ORDER BY fecha_venta;"
    ),
    "por_fila": "-- Por grupos de datos.ventas: venta_id\nSELECT venta_id, cantidad FROM datos.ventas WHERE cantidad < 5",
}
ASKS = "-- Por grupos de datos.ventas: {}\nSELECT {} FROM ventas {}"
IN_FULL = {
    "z_cuota": ASKS.format("canal", "canal, count(*) / sum(count(*)) OVER () AS cuota", "GROUP BY 1"),
    "z_mejores": ASKS.format("canal", "canal, count(*) AS n", "GROUP BY 1 ORDER BY 2, 1 LIMIT 1"),
    "z_total": ASKS.format("canal", "canal, (SELECT count(*) FROM ventas) AS n", "GROUP BY 1"),
    "z_ajena": ASKS.format(
        "producto_id", "p.producto_id, count(*) AS n", "JOIN productos AS p USING (producto_id) GROUP BY 1"
    ),
    "z_hora": ASKS.format("canal", "canal, max(current_date - fecha_venta) AS n", "GROUP BY 1"),
    "z_columna": ASKS.format("mes", "1 AS mes, count(*) AS n", ""),
    "z_mes": ASKS.format(
        "fecha_venta", "date_trunc('month', fecha_venta)::date AS fecha_venta, count(*) AS n", "GROUP BY 1"
    ),
    "z_otra_cosa": ASKS.format("cliente_id", "cliente_id + 1 AS cliente_id, count(*) AS n", "GROUP BY 1"),
    "z_otro_tipo": ASKS.format("fecha_venta", "fecha_venta::text, count(*) AS n", "GROUP BY 1"),
    "z_no_la_da": ASKS.format("canal", "producto_id, count(*) AS n", "GROUP BY 1"),
    "z_funcion": ASKS.format(
        "precio_unitario", "floor(precio_unitario) AS precio_unitario, count(*) AS n", "GROUP BY 1"
    ),
    "z_edad": ASKS.format("canal", "canal, age(max(fecha_venta)) AS n", "GROUP BY 1"),
    "z_ayer": ASKS.format("canal", "canal, max('yesterday'::date - fecha_venta) AS n", "GROUP BY 1"),
    "z_sin_pedirlo": "SELECT canal, count(*) AS n FROM ventas GROUP BY 1",
}
TABLES = in_order([Cliente, Producto, Tienda, Venta])


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Una tienda con dos clientes y dos productos, sin ventas, y los marts de los dos tipos."""
    own = replace(settings, sql_dir=tmp_path / "sql")
    folder = own.sql_dir / "marts"
    folder.mkdir(parents=True)
    for name, text in (BY_GROUPS | IN_FULL).items():
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    write(own, "productos.csv", (PRODUCTOS + producto(1) + producto(2, nombre="Vino")).encode("latin-1"))
    write(own, "tiendas.jsonl", tienda(1))
    write(own, "clientes.csv", CLIENTES, cliente(1), cliente(2))
    load(own)
    load_one(own, "ventas_0.csv", VENTAS, venta(100), venta(101, cliente_id="1"))
    return own


def tables(settings: Settings) -> dict[str, int]:
    """La tabla de cada mart: si se rehace, es otra."""
    return dict(query(settings, "SELECT name, table_oid::bigint FROM etl.marts"))


def remade(settings: Settings, before: dict[str, int]) -> set[str]:
    return {name for name, table in tables(settings).items() if before.get(name) != table}


def assert_as_if_remade(settings: Settings) -> None:
    for name, text in (BY_GROUPS | IN_FULL).items():
        mart, made = sql.Identifier("marts", name), sql.SQL(text.rstrip(";"))
        both = sql.SQL("(TABLE {0} EXCEPT ALL ({1}\n)) UNION ALL (({1}\n) EXCEPT ALL TABLE {0})").format(mart, made)
        with connect_settings(settings) as connection:
            connection.execute("SET search_path = pg_catalog, datos")
            assert (name, connection.execute(both).fetchall()) == (name, [])


SALE = st.fixed_dictionaries(
    {
        "fecha_venta": st.sampled_from(["01/02/2025", "02/02/2025", "03/02/2025"]),
        "cliente_id": st.sampled_from(["", "1", "2"]),
        "producto_id": st.sampled_from(["1", "2"]),
        # Con cero va a cuarentena.
        "cantidad": st.sampled_from(["0", "1", "4", "9"]),
        "canal": st.sampled_from(["web", "tienda"]),
    }
)
FILES = st.integers(1, 3)
STEP = st.one_of(
    st.tuples(st.just("put"), FILES, st.dictionaries(st.integers(1, 6), SALE, min_size=1, max_size=5)),
    st.tuples(st.just("forget"), FILES),
    st.tuples(st.just("correct"), FILES),
    st.tuples(st.just("rename"), FILES, st.sampled_from(["Pan", "Queso"])),
)


def take(settings: Settings, step: tuple[Any, ...]) -> None:
    kind, number, *more = step
    path = settings.datos_dir / f"ventas_{number}.csv"
    if kind == "put":
        load_one(settings, path.name, VENTAS, *(venta(key, **changes) for key, changes in more[0].items()))
    elif kind == "forget":
        try:
            forget(settings, path, TABLES)
        except UsageError:  # no está cargado
            return
        path.unlink()
    elif kind == "rename":
        load_one(settings, "productos.csv", (PRODUCTOS + producto(1, nombre=more[0]) + producto(2)).encode("latin-1"))
    elif query(
        settings,
        "SELECT count(*) FROM etl.rejects AS r JOIN etl.loads USING (load_id)"
        " WHERE status = 'loaded' AND r.code <> 'repaired'",
    ) != [0]:
        fixed = settings.datos_dir.parent / "corregidas.csv"
        fixed.unlink(missing_ok=True)
        export_rejects(settings, "ventas", fixed, TABLES)
        edit(fixed, lambda _row: {"cantidad": "3"})
        load(settings, fixed)


@with_settings(max_examples=30)
@given(steps=st.lists(STEP, min_size=2, max_size=5))
def test_whatever_is_loaded_the_mart_is_as_if_it_had_been_made_again(
    own: Settings, steps: list[tuple[Any, ...]]
) -> None:
    for step in steps:
        take(own, step)
        assert_as_if_remade(own)


ROWS = {1: {"cliente_id": "1"}, 2: {"cliente_id": "2", "cantidad": "0"}, 3: {"fecha_venta": "05/02/2025"}}


@pytest.mark.parametrize(
    "step",
    [
        ("put", 1, {9: {"cliente_id": "2"}}),
        ("put", 2, {1: {"cliente_id": "2", "canal": "tienda"}}),
        ("put", 1, ROWS | {1: {"cliente_id": "", "fecha_venta": "06/02/2025"}}),
        ("put", 1, {3: ROWS[3]}),
        ("forget", 1),
        ("correct", 1),
    ],
    ids=["otras filas", "una clave de otro archivo", "un valor cambiado", "filas menos", "olvidar", "corregir"],
)
def test_only_the_marts_that_cannot_go_by_groups_are_made_again(own: Settings, step: tuple[Any, ...]) -> None:
    take(own, ("put", 1, ROWS))
    before = tables(own)
    take(own, step)
    assert remade(own, before) == set(IN_FULL)
    assert_as_if_remade(own)


def test_status_tells_them_apart(own: Settings) -> None:
    with connect_settings(own) as connection:
        told = kinds(connection)
    assert told == [
        f"Marts que se ponen al día por grupos: {', '.join(BY_GROUPS)}",
        f"Marts que se rehacen enteros: {', '.join(sorted(IN_FULL))}",
    ]


def test_when_another_table_that_it_reads_changes_it_is_made_again(own: Settings) -> None:
    before = tables(own)
    take(own, ("rename", 1, "Queso"))
    assert remade(own, before) & set(BY_GROUPS) == {"por_dia"}
    assert_as_if_remade(own)


def test_a_row_that_somebody_changes_by_hand_is_seen_in_its_old_group_and_in_its_new_one(own: Settings) -> None:
    take(own, ("put", 1, ROWS))
    before = tables(own)
    with connect_settings(own) as connection:
        connection.execute("UPDATE datos.ventas SET cliente_id = 2, canal = 'tienda' WHERE venta_id = 101")
    take(own, ("put", 2, {7: {"cliente_id": "", "canal": "web"}}))
    assert not set(BY_GROUPS) & remade(own, before)
    assert_as_if_remade(own)


def test_nothing_is_noted_of_a_mart_that_is_no_longer_there(own: Settings) -> None:
    noted = "SELECT name FROM etl.marts UNION SELECT mart FROM etl.grains UNION SELECT mart FROM etl.touched"
    file = own.sql_dir / "marts" / "por_cliente.sql"
    text = file.read_text("utf-8")
    file.unlink()
    take(own, ("put", 1, ROWS))
    take(own, ("put", 1, {3: ROWS[3]}))
    assert set(query(own, noted)) == set(BY_GROUPS) - {"por_cliente"} | set(IN_FULL)
    file.write_text(text, "utf-8")
    take(own, ("put", 2, {7: {}}))
    assert_as_if_remade(own)


def test_a_table_written_again_is_not_looked_up_by_what_was_noted_of_the_old_one(own: Settings) -> None:
    with connect_settings(own) as connection:
        connection.execute("VACUUM FULL datos.ventas")  # como al cambiar el tipo de una columna
    before = tables(own)
    take(own, ("put", 1, ROWS))
    assert set(BY_GROUPS) <= remade(own, before)
    before = tables(own)
    take(own, ("put", 2, {7: {}}))
    assert not set(BY_GROUPS) & remade(own, before)
    assert_as_if_remade(own)


def test_a_column_taken_out_and_put_back_is_another_column(own: Settings) -> None:
    """Sin reescribir la tabla: lo que se apuntó de la primera no dice nada de la segunda."""
    load_one(own, "ventas_1.csv", VENTAS, venta(110, canal="web"), venta(111, canal="tienda"))
    [kind] = query(
        own,
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'datos.ventas'::regclass AND attname = 'canal'",
    )
    with connect_settings(own) as connection:
        connection.execute("ALTER TABLE datos.ventas DROP COLUMN canal CASCADE")
        connection.execute(f"ALTER TABLE datos.ventas ADD COLUMN canal {kind}".encode())
    before = tables(own)
    load_one(own, "ventas_1.csv", VENTAS, venta(110, canal="telefono"))
    assert "por_dia" in remade(own, before)
    assert query(own, "SELECT count(*) FROM marts.por_dia WHERE canal = 'tienda'") == [0]
    assert_as_if_remade(own)


def test_a_column_more_in_the_table_makes_again_the_mart_that_gives_them_all(own: Settings) -> None:
    (own.sql_dir / "marts" / "por_todo.sql").write_text(ASKS.format("cliente_id", "ventas.*", ""), encoding="utf-8")
    load(own)
    with connect_settings(own) as connection:
        connection.execute("ALTER TABLE datos.ventas ADD COLUMN nota text")
    write(own, "ventas_9.csv", VENTAS, venta(900, cliente_id="1"))
    assert load(own).wrong_marts == []
    assert query(own, "SELECT count(*), count(nota) FROM marts.por_todo") == [(3, 0)]


LOADING: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('datos.ventas', 0))"
REMOVING: LiteralString = "DELETE FROM datos.ventas WHERE venta_id = 101"


def never_made(settings: Settings) -> None:
    """Como si ningún mart se hubiera hecho todavía."""
    with connect_settings(settings) as connection:
        connection.execute("DELETE FROM etl.marts")
        connection.execute("DELETE FROM etl.grains")


def test_a_load_under_way_when_it_is_first_made_is_not_lost(own: Settings) -> None:
    """No apuntó sus grupos: mientras dura, el mart se rehace entero; después ya va por grupos."""
    never_made(own)
    with connect_settings(own) as other, other.transaction():
        other.execute(LOADING)
        other.execute(REMOVING)
        assert set(BY_GROUPS) <= set(load(own, own.datos_dir / "clientes.csv").marts)
        assert query(own, "SELECT count(*) FROM etl.grains") == [0]
        other.execute("UPDATE etl.loads SET rows_loaded = 1, rows_duplicate = 1 WHERE file = 'ventas_0.csv'")
    load(own, own.datos_dir / "clientes.csv")
    assert_as_if_remade(own)
    assert query(own, "SELECT count(*) FROM etl.grains") == [len(BY_GROUPS)]


@pytest.mark.parametrize("what", [LOADING, REMOVING], ids=["a load that has not written yet", "a change by hand"])
def test_what_is_under_way_when_it_is_first_made_is_not_lost(own: Settings, what: LiteralString) -> None:
    never_made(own)
    with connect_settings(own) as other, other.transaction():
        other.execute(what)
        load(own, own.datos_dir / "clientes.csv")
        assert query(own, "SELECT count(*) FROM etl.grains") == [0]
    take(own, ("put", 2, {7: {}}))
    assert_as_if_remade(own)
    assert query(own, "SELECT count(*) FROM etl.grains") == [len(BY_GROUPS)]


def test_a_reader_sees_the_groups_as_they_were_or_as_they_are(own: Settings) -> None:
    with connect_settings(own) as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        old = reader.execute("SELECT * FROM marts.por_cliente ORDER BY 1").fetchall()
        take(own, ("put", 1, ROWS))
        assert reader.execute("SELECT * FROM marts.por_cliente ORDER BY 1").fetchall() == old
        reader.execute("COMMIT")
        assert reader.execute("SELECT * FROM marts.por_cliente ORDER BY 1").fetchall() != old


def test_what_the_loader_notes_is_never_run_by_whoever_takes_rows_away(own: Settings) -> None:
    """Los disparadores actúan con los permisos de quien quita filas, que puede ser el dueño."""
    nasty = "x', 'y', 'z'); DROP TABLE datos.ventas; --"
    with connect_settings(own) as connection:
        connection.execute("SET ROLE etl_loader")
        connection.execute("DELETE FROM etl.touched")
        insert = "INSERT INTO etl.grains VALUES (%s, 'datos.ventas', ARRAY['canal', %s], '{}')"
        connection.execute(insert, (nasty, f"canal) {nasty}"))
        connection.execute("RESET ROLE")
        connection.execute("DELETE FROM datos.ventas WHERE venta_id = 100")
    noted = query(own, "SELECT column_name, value FROM etl.touched WHERE mart = %s", nasty)
    assert noted == [("canal", "web")]
    assert query(own, "SELECT count(*) FROM datos.ventas") == [1]
