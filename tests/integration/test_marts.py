"""Un mart se rehace si cambia algo de lo que lee, y si no, se queda como está."""

from dataclasses import replace
from pathlib import Path

import pytest

from etl.settings import Settings
from own_rows import CLIENTES, VENTAS, cliente, load, load_one, query, venta, write, write_parents
from support import connect_settings


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """La carpeta de los marts de una prueba, vacía."""
    folder = tmp_path / "sql" / "marts"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def own(settings: Settings, folder: Path) -> Settings:
    """Una tienda con un cliente y una venta, y los marts que ponga la prueba."""
    own = replace(settings, sql_dir=folder.parent)
    write_parents(own)
    write(own, "clientes.csv", CLIENTES, cliente(1))
    write(own, "ventas.csv", VENTAS, venta(1))
    load(own)
    return own


def rebuilt_after_a_sale(settings: Settings) -> list[str]:
    path = write(settings, "ventas_2.csv", VENTAS, venta(2))
    return load(settings, path).marts


def rebuilt_after_a_customer(settings: Settings) -> list[str]:
    path = write(settings, "clientes_2.csv", CLIENTES, cliente(2))
    return load(settings, path).marts


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) AS n FROM datos.ventas",
        "SELECT count(*) AS n FROM ventas JOIN datos.productos USING (producto_id)",
        "WITH todas AS (SELECT * FROM ventas) SELECT (SELECT count(*) FROM todas) AS n",
        "SELECT count(*) AS n FROM datos.resumen_ventas",
    ],
    ids=["una tabla", "dos", "una subconsulta", "una vista de una vista"],
)
def test_a_mart_is_made_again_only_if_a_table_that_it_reads_changed(own: Settings, folder: Path, text: str) -> None:
    with connect_settings(own) as connection:
        connection.execute("SET ROLE etl_owner")
        connection.execute("CREATE VIEW datos.las_ventas AS SELECT * FROM datos.ventas")
        connection.execute("CREATE VIEW datos.resumen_ventas AS SELECT producto_id FROM datos.las_ventas")
    (folder / "cuenta.sql").write_text(f"-- Una fila.\n{text};\n", encoding="utf-8")
    assert load(own).marts == ["cuenta"]
    assert load(own).marts == []
    assert rebuilt_after_a_customer(own) == []
    assert rebuilt_after_a_sale(own) == ["cuenta"]
    assert query(own, "SELECT n FROM marts.cuenta") == [2]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT datos.cuantas() AS n",
        "SELECT count(*) FILTER (WHERE table_name = 'datos.ventas') AS n FROM etl.loads",
        "SELECT count(*) AS n FROM datos.a_mano, ventas",
        "SELECT count(*) AS n FROM datos.copia, ventas",
    ],
    ids=["una función", "el registro", "una tabla que nadie carga", "la copia de una que se carga"],
)
def test_a_mart_that_reads_what_the_ledger_does_not_know_is_made_again_after_any_load(
    own: Settings, folder: Path, text: str
) -> None:
    with connect_settings(own) as connection:
        connection.execute("SET ROLE etl_owner")
        connection.execute("CREATE TABLE datos.a_mano AS SELECT 1 AS uno")
        connection.execute(
            "CREATE FUNCTION datos.cuantas() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM datos.ventas'"
        )
        connection.execute("RESET ROLE")
        connection.execute("CREATE TABLE datos.copia AS SELECT * FROM datos.ventas")
        connection.execute("GRANT SELECT ON datos.copia TO etl_loader")
    (folder / "cuenta.sql").write_text(text, encoding="utf-8")
    assert load(own).marts == ["cuenta"]
    assert rebuilt_after_a_customer(own) == ["cuenta"]
    assert rebuilt_after_a_sale(own) == ["cuenta"]
    assert query(own, "SELECT n FROM marts.cuenta") == [2]


def test_a_mart_of_a_table_that_is_still_empty_is_not_made_again_after_loads_of_others(
    settings: Settings, folder: Path
) -> None:
    own = replace(settings, sql_dir=folder.parent)
    (folder / "cuenta.sql").write_text("SELECT count(*) AS n FROM ventas")
    write_parents(own)
    assert load(own).marts == ["cuenta"]
    assert rebuilt_after_a_customer(own) == []
    write(own, "clientes.csv", CLIENTES, cliente(1))
    write(own, "ventas.csv", VENTAS, venta(1))
    assert load(own).marts == ["cuenta"]
    assert query(own, "SELECT n FROM marts.cuenta") == [1]


def test_a_mart_that_reads_another_is_made_again_when_that_one_is(own: Settings, folder: Path) -> None:
    (folder / "a_base.sql").write_text("SELECT count(*) AS n FROM datos.ventas")
    (folder / "b_cuenta.sql").write_text("SELECT n FROM marts.a_base")
    assert load(own).marts == ["a_base", "b_cuenta"]
    assert rebuilt_after_a_customer(own) == []
    assert rebuilt_after_a_sale(own) == ["a_base", "b_cuenta"]
    (folder / "a_base.sql").write_text("SELECT count(*) + 10 AS n FROM datos.ventas")
    assert load(own).marts == ["a_base", "b_cuenta"]
    assert query(own, "SELECT n FROM marts.b_cuenta") == [12]


@pytest.mark.parametrize("change", ["una versión", "una fila menos", "otra vez la de antes"])
def test_any_change_of_the_rows_makes_it_again(own: Settings, folder: Path, change: str) -> None:
    (folder / "cuenta.sql").write_text("SELECT sum(cantidad) AS n FROM ventas")
    load_one(own, "ventas_2.csv", VENTAS, venta(2), venta(3))
    versions = {
        "una versión": ([venta(2, cantidad="5"), venta(3)], 9),
        "una fila menos": ([venta(2)], 4),
        "otra vez la de antes": ([venta(2), venta(3)], 6),
    }
    if change == "otra vez la de antes":
        load_one(own, "ventas_2.csv", VENTAS, venta(2))
    rows, total = versions[change]
    path = write(own, "ventas_2.csv", VENTAS, *rows)
    assert load(own, path).marts == ["cuenta"]
    assert query(own, "SELECT n FROM marts.cuenta") == [total]


def test_a_mart_that_changed_or_was_dropped_is_made_again(own: Settings, folder: Path) -> None:
    mart = folder / "cuenta.sql"
    mart.write_text("SELECT count(*) AS n FROM ventas")
    assert load(own).marts == ["cuenta"]
    mart.write_text("SELECT count(*) + 10 AS n FROM ventas")
    assert load(own).marts == ["cuenta"]
    assert query(own, "SELECT n FROM marts.cuenta") == [11]
    with connect_settings(own) as connection:
        connection.execute("DROP TABLE marts.cuenta")
        connection.execute("CREATE TABLE marts.cuenta AS SELECT 0 AS n")
        connection.execute("ALTER TABLE marts.cuenta OWNER TO etl_loader")
    assert load(own).marts == ["cuenta"]
    assert query(own, "SELECT n FROM marts.cuenta") == [11]


def test_whoever_changes_the_rows_of_a_load_and_its_entry_has_it_made_again(own: Settings, folder: Path) -> None:
    """Aunque no haya ninguna carga nueva, ni otra que sustituya a esta o la repita."""
    (folder / "cuenta.sql").write_text("SELECT sum(cantidad) AS n FROM ventas")
    assert load(own).marts == ["cuenta"]
    with connect_settings(own) as connection, connection.transaction():
        connection.execute("UPDATE datos.ventas SET cantidad = 7")
        connection.execute("UPDATE etl.loads SET rows_loaded = rows_loaded WHERE table_name = 'datos.ventas'")
    assert load(own).marts == ["cuenta"]
    assert query(own, "SELECT n FROM marts.cuenta") == [7]


def test_a_mart_that_never_ends_is_told_with_its_file_and_the_others_are_made(own: Settings, folder: Path) -> None:
    (folder / "cuenta.sql").write_text("SELECT count(*) AS n FROM ventas", encoding="utf-8")
    (folder / "atascado.sql").write_text("SELECT pg_sleep(60) FROM ventas", encoding="utf-8")
    result = load(replace(own, statement_seconds=1))
    assert result.marts == ["cuenta"]
    assert [wrong.split(":")[0] for wrong in result.wrong_marts] == ["sql/marts/atascado.sql"]
