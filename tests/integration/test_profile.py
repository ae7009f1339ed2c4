"""El perfil de una tabla: lo que se cuenta a mano, con cualquier tipo y nombre, entera o por una muestra."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from psycopg import sql

from etl.settings import Settings
from extras.catalog.tables import read_tables, reading
from extras.profile.profile import ColumnProfile, Profile, profile
from extras.profile.show import show
from loader import etl
from own_rows import CLIENTES, cliente, load, write
from support import connect_settings

TYPES = ("jsonb", "json", "integer[]", "uuid", "time", "bytea", "point", "inet", "oid", "regclass", "xml", "tsvector")


def make(settings: Settings, name: str, columns: str, rows: str = "") -> Profile:
    """Una tabla de staging, con las filas que da una consulta, y su perfil."""
    table = sql.Identifier("staging", name).as_string()
    with connect_settings(settings) as connection:
        connection.execute("SET ROLE etl_loader")
        connection.execute(f"CREATE TABLE {table} ({columns})")  # type: ignore[arg-type]
        if rows:
            connection.execute(f"INSERT INTO {table} {rows}")  # type: ignore[arg-type]
    return profiled(settings, name)


def profiled(settings: Settings, name: str) -> Profile:
    with reading(settings) as connection:
        [table] = [one for one in read_tables(connection) if one.name == name]
        return profile(connection, table)


def columns(found: Profile) -> dict[str, ColumnProfile]:
    return {one.name: one for one in found.columns}


def test_a_small_table_is_counted_exactly(settings: Settings) -> None:
    rows = "VALUES (1, 9.50, date '2025-01-31', 'b'), (1, 0.1, '2025-03-01', 'a'), (4, NULL, NULL, 'b'), (5, 9.5, NULL, '')"
    found = make(settings, "medidas", "n int, eur numeric(6,2), dia date, texto text", rows)
    assert (found.table, found.rows, found.sampled) == ("staging.medidas", 4, None)
    assert found.columns == [
        ColumnProfile("n", "integer", 0, 3, "1", "5", [("1", 2)], [2, 1, 1]),
        ColumnProfile("eur", "numeric(6,2)", 1, 2, "0.10", "9.50", [("9.50", 2)], [1, 2]),
        ColumnProfile("dia", "date", 2, 2, "2025-01-31", "2025-03-01", [], [1, 1]),
        ColumnProfile("texto", "text", 0, 3, "", "b", [("b", 2)], []),
    ]


def test_the_bars_of_many_values_are_of_the_same_width(settings: Settings) -> None:
    """De 0 a 23 y doce barras: dos números en cada una; los decimales se reparten entre el menor y el mayor."""
    rows = "SELECT g % 24, CASE WHEN g = 0 THEN 120 ELSE g / 24.0 END FROM generate_series(0, 47) AS g"
    found = columns(make(settings, "horas", "hora int, x float8", rows))
    assert found["hora"].histogram == [4] * 12
    assert found["x"].histogram == [47, *[0] * 10, 1]


def test_any_type_has_a_profile(settings: Settings) -> None:
    names = ", ".join(f'c{at} "{kind}"' if " " in kind else f"c{at} {kind}" for at, kind in enumerate(TYPES))
    rows = "(nada) SELECT NULL FROM generate_series(1, 3)"
    found = make(settings, "tipos", f"{names}, dinero money, parte interval, nada int", rows)
    assert [(one.nulls, one.distinct, one.histogram) for one in found.columns] == [(3, 0, [])] * (len(TYPES) + 3)
    with connect_settings(settings) as connection:
        connection.execute("""INSERT INTO staging.tipos VALUES ('{"a": 1}', '{"a": 1}', '{1,2}', gen_random_uuid(), '10:00',
            'abc', '(1,2)', '10.0.0.1', 1, 'pg_class', NULL, 'uno dos', '3.50', '2 days', 7)""")
    full = columns(profiled(settings, "tipos"))
    assert all(one.distinct == (name != "c10") for name, one in full.items())
    assert [full[name].minimum for name in ("c0", "c2", "c3", "parte", "nada")] == [None, None, None, "2 days", "7"]
    assert full["dinero"].histogram == full["nada"].histogram == [1]


def test_what_does_not_fit_on_an_axis_is_counted_but_not_drawn(settings: Settings) -> None:
    rows = "SELECT unnest('{NaN,Infinity,-Infinity,1e308,-1e308,5e-324}'::float8[]), unnest('{infinity,2024-01-01}'::date[])"
    found = columns(make(settings, "raros", "x float8, dia date", rows))
    assert (found["x"].distinct, found["x"].histogram) == (6, [1, 1, 1])
    assert (found["dia"].maximum, found["dia"].histogram) == ("infinity", [1])


def test_any_name_and_any_value(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    name, column = "Tabla.con 'todo' %s {0} \"", "Columna % [red] \x1b[31m"
    quoted = sql.Identifier(column).as_string()
    found = make(settings, name, f"{quoted} text", "SELECT E'\\x1b[31m' || g % 2 FROM generate_series(1, 3) AS g")
    assert columns(found)[column].frequent == [("\x1b[31m1", 2)]
    show(found)
    assert "\x1b[31m" not in capsys.readouterr().out


def test_a_table_without_rows(settings: Settings) -> None:
    assert make(settings, "vacia", "n int, texto text").columns == [
        ColumnProfile("n", "integer", 0, 0, None, None, [], []),
        ColumnProfile("texto", "text", 0, 0, None, None, [], []),
    ]


def test_a_large_table_is_sampled_and_says_so(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Un millón de filas: lo estimado cae cerca de lo que se sabe de antemano, y dos veces da lo mismo."""
    numbers = "g, g % 1000, CASE WHEN g % 4 > 0 THEN g % 3 END FROM generate_series(0, 999999) AS g"
    found = make(settings, "grande", "clave int, mil int, pocos int", f"SELECT {numbers}")
    assert found.rows == 1_000_000
    assert found.sampled is not None
    assert 90_000 < found.sampled < 110_000
    key, thousand, few = found.columns
    assert (key.distinct, key.frequent) == (1_000_000, [])
    assert 990 <= thousand.distinct <= 1_010
    assert few.distinct == 3
    assert 240_000 <= few.nulls <= 260_000
    assert all(230_000 <= count <= 270_000 for _, count in few.frequent)
    assert 990_000 <= sum(key.histogram) <= 1_010_000
    assert profiled(settings, "grande") == found
    show(found)
    assert "aprox." in capsys.readouterr().out.splitlines()[0]


def test_of_a_few_heavy_rows_some_are_looked_at(settings: Settings) -> None:
    """Ciento cincuenta textos de un millón de letras, que ocupan tres bloques: podría no salir ninguno."""
    with connect_settings(settings) as connection:
        connection.execute("SET ROLE etl_loader")
        connection.execute("CREATE TABLE staging.pesada (n int, texto text)")
        connection.execute("ALTER TABLE staging.pesada ALTER texto SET STORAGE EXTERNAL")
        connection.execute(
            "INSERT INTO staging.pesada SELECT g, repeat('x', 1000000) FROM generate_series(1, 150) AS g"
        )
    found = profiled(settings, "pesada")
    assert found.rows == 150
    assert 60 < (found.sampled or 0) < 140
    assert [one.distinct for one in found.columns] == [150, 1]


def test_a_large_view_is_sampled_too(settings: Settings) -> None:
    make(settings, "muchas", "n int", "SELECT generate_series(1, 500000)")
    with connect_settings(settings) as connection:
        connection.execute("SET ROLE etl_loader")
        connection.execute("CREATE VIEW staging.vista AS SELECT n, n % 2 AS par FROM staging.muchas")
    found = profiled(settings, "vista")
    assert found.rows == 500_000
    assert found.sampled is not None
    assert columns(found)["par"].distinct == 2


def test_the_command_shows_a_table_and_knows_when_there_is_none(settings: Settings) -> None:
    write(settings, "clientes.csv", CLIENTES, cliente(1), cliente(2, "Eva"))
    load(settings)
    shown = etl(settings, "profile", "clientes", COLUMNS="80")
    assert shown.stdout.startswith("datos.clientes: 2 filas\n")
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
    assert "_load_id" not in shown.stdout
    document: dict[str, Any] = json.loads(etl(settings, "profile", "datos.clientes", "--json").stdout)
    assert (document["table"], document["rows"], document["sampled"]) == ("datos.clientes", 2, None)
    assert document["columns"][0] == {
        "name": "cliente_id", "type": "integer", "nulls": 0, "distinct": 2, "minimum": "1", "maximum": "2",
        "frequent": [], "histogram": [1, 1],
    }  # fmt: skip
    none = etl(settings, "profile", "nada")
    assert (none.returncode, none.stdout) == (2, "")
    assert "No hay ninguna tabla «nada»." in none.stderr


def test_the_reader_can_run_it_and_nobody_runs_a_view_as_more_than_the_loader(settings: Settings) -> None:
    make(settings, "cosas", "n int", "VALUES (1)")
    with connect_settings(settings) as connection:
        connection.execute("SET ROLE etl_loader")
        connection.execute("CREATE VIEW staging.quien AS SELECT current_user::text AS quien")
    reader = replace(settings, db_user="lector", db_password=settings.reader_password)
    assert profiled(reader, "cosas").rows == 1
    assert columns(profiled(reader, "quien"))["quien"].maximum == "lector"
    assert columns(profiled(settings, "quien"))["quien"].maximum == "etl_loader"


def test_numbers_are_not_cut_and_a_moment_is_its_day(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        settings,
        "envios.csv",
        "ean;momento;nota\n8437000100013;2025-03-01 10:00:00;dos\n8437000109997;2025-03-02 11:30:00;b\n",
    )
    assert etl(settings, "run", "--quiet").returncode == 0
    show(profiled(settings, "envios"))
    shown = capsys.readouterr().out
    assert "8437000100013 8437000109997" in shown
    assert re.search("2025-03-01 +2025-03-02", shown)
