"""Lo que podría intentar quien tenga la contraseña del cargador: que otro, que puede más, ejecute algo suyo."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from etl.database.migrate import migrate
from etl.settings import Settings
from loader import etl
from own_rows import load, query, run_with, write
from support import connect_settings

# Lo que haría el cargador si alguien con más permisos ejecutara su función: dejar de ser él y hacerse con todo.
TAKE_OVER = """
CREATE FUNCTION {name} RETURNS {returns} LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    RESET ROLE;
    ALTER ROLE etl_loader SUPERUSER;
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  RETURN {value};
END $$;
"""


@pytest.fixture
def attacker(settings: Settings) -> Iterator[psycopg.Connection]:
    """Una sesión que entró de verdad como el cargador, y deja el papel como estaba."""
    loader = replace(settings, db_user="etl_loader", db_password=settings.loader_password)
    with connect_settings(loader) as connection:
        yield connection
    with connect_settings(settings) as owner:
        owner.execute("ALTER ROLE etl_loader NOSUPERUSER")


def is_superuser(settings: Settings) -> bool:
    [found] = query(settings, "SELECT rolsuper FROM pg_roles WHERE rolname = 'etl_loader'")
    return bool(found)


def everything_the_owner_does(settings: Settings) -> None:
    """Lo que alguien que entra como superusuario hace con el programa, y lo que escribe en psql."""
    migrate(settings)
    load(settings)
    run_with(settings, [])
    for command in ("status", "rejects", "report", "profile clientes", "doctor", "run"):
        etl(settings, *command.split())
    # Una sesión con el search_path de la base, como la de quien abre psql.
    query(settings, "SELECT count(*), max(nombre) FROM clientes WHERE cliente_id = 1::bigint")
    query(settings, "SELECT hashtextextended('x', 0), to_regclass('ventas')")


def test_a_function_with_the_name_of_another_is_not_called(settings: Settings, attacker: psycopg.Connection) -> None:
    for schema in ("marts", "staging"):
        for name, returns, value in (
            ("hashtextextended(text, integer)", "bigint", "1"),
            ("to_regclass(text)", "regclass", "NULL"),
            ("set_config(text, text, boolean)", "text", "''"),
            ("current_database()", "name", "'x'"),
        ):
            attacker.execute(TAKE_OVER.format(name=f"{schema}.{name}", returns=returns, value=value))
    everything_the_owner_does(settings)
    assert not is_superuser(settings)


def test_an_operator_and_a_cast_are_not_used(settings: Settings, attacker: psycopg.Connection) -> None:
    attacker.execute(
        TAKE_OVER.format(name="marts.same(integer, bigint)", returns="boolean", value="true")
        + "CREATE OPERATOR marts.= (FUNCTION = marts.same, LEFTARG = integer, RIGHTARG = bigint);"
        + TAKE_OVER.format(name="marts.like_that(text, text)", returns="boolean", value="true")
        + "CREATE OPERATOR marts.= (FUNCTION = marts.like_that, LEFTARG = text, RIGHTARG = text);"
        + "CREATE TYPE marts.text AS (v integer);"
        + TAKE_OVER.format(name="marts.made(integer)", returns="marts.text", value="ROW(1)::marts.text")
        + "CREATE CAST (integer AS marts.text) WITH FUNCTION marts.made(integer) AS IMPLICIT;"
    )
    everything_the_owner_does(settings)
    assert not is_superuser(settings)


def test_a_view_that_does_something_is_not_looked_at(settings: Settings, attacker: psycopg.Connection) -> None:
    attacker.execute(
        TAKE_OVER.format(name="staging.trap()", returns="integer", value="1")
        + "CREATE VIEW staging.resumen AS SELECT staging.trap() AS n;"
        "CREATE VIEW marts.resumen AS SELECT staging.trap() AS n;"
    )
    everything_the_owner_does(settings)
    assert not is_superuser(settings)


def test_a_trigger_on_a_table_of_the_loader_fires_as_the_loader(
    settings: Settings, attacker: psycopg.Connection
) -> None:
    write(settings, "sueltos.csv", "a;b\n1;2024-01-01\n2;2024-02-31\n")
    run_with(settings, [])
    attacker.execute(
        TAKE_OVER.format(name="staging.on_row()", returns="trigger", value="NEW")
        + "CREATE TRIGGER each BEFORE INSERT ON staging.sueltos"
        " FOR EACH ROW EXECUTE FUNCTION staging.on_row();"
    )
    corrected = settings.datos_dir / "corregidas.csv"
    assert etl(settings, "rejects", "sueltos", "--csv", str(corrected)).returncode == 0
    corrected.write_text(corrected.read_text("utf-8-sig").replace("2024-02-31", "2024-02-28", 1))
    assert etl(settings, "run", str(corrected)).returncode == 0
    assert query(settings, "SELECT count(*) FROM staging.sueltos") == [2]
    assert not is_superuser(settings)


def test_the_loader_and_the_owner_do_not_share_a_password() -> None:
    default = Settings()
    assert len({default.db_password, default.loader_password, default.reader_password}) == 3


def test_the_readme_query_needs_no_schema(settings: Settings) -> None:
    assert query(settings, "SELECT count(*) FROM ventas") == [0]
    assert query(settings, "SHOW search_path") == ["datos, etl"]


@pytest.mark.parametrize("statement", ["UPDATE etl.migrations SET source = 'x'", "DELETE FROM etl.migrations"])
def test_the_migrations_that_could_be_written_again_are_not_for_the_loader(
    settings: Settings, attacker: psycopg.Connection, statement: str
) -> None:
    for _ in range(2):  # recién creada y después de repetir los permisos de todo el esquema
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attacker.execute(statement)
        migrate(settings)
