"""Lo que se dice de las tablas: de la declaración y de los marts a PostgreSQL, y de ahí al diccionario."""

from pathlib import Path

from etl import declarations
from etl.schema import Declared
from etl.settings import Settings
from extras.catalog.markdown import markdown
from extras.catalog.tables import Column, Table, read_tables, reading
from loader import etl
from own_rows import CLIENTES, VENTAS, cliente, load, query, venta, write, write_parents
from support import connect_settings

DICTIONARY = """\
# Diccionario de datos

```mermaid
erDiagram
  madres |o--o{ "hijas de ñ" : madre
  "hijas de ñ" {
    bigint madre FK
  }
  madres {
    bigint _1_id PK
  }
```

## datos.hijas de ñ

| columna | tipo |
| --- | --- |
| `madre` | bigint |

## datos.madres

Una fila por \\| madre &lt;b>.

| columna | tipo |
| --- | --- |
| `1 id` | bigint |
"""


def test_a_table_and_its_columns_say_what_they_are(settings: Settings) -> None:
    about = "SELECT obj_description('datos.clientes'::regclass), col_description('datos.clientes'::regclass, 3)"
    assert query(settings, about) == [
        ("Clientes con tarjeta de la tienda. Grano: una fila por cliente.", "nombre y apellidos")
    ]


def test_a_mart_says_what_it_is_and_nothing_of_how_it_is_made(settings: Settings) -> None:
    write_parents(settings)
    write(settings, "clientes.csv", CLIENTES, cliente(1))
    write(settings, "ventas.csv", VENTAS, venta(1))
    load(settings)
    said = dict(
        query(settings, "SELECT relname, obj_description(oid) FROM pg_class WHERE relnamespace = 'marts'::regnamespace")
    )
    texts = {path.stem: path.read_text(encoding="utf-8") for path in Path(settings.sql_dir, "marts").glob("*.sql")}
    assert "-- Por grupos de" in texts["ventas_diarias"]
    assert (
        said["ventas_diarias"] == "Una fila por día, tienda y canal. Importes en euros, con el descuento ya aplicado."
    )
    assert said.keys() == texts.keys()


def test_the_dictionary_of_what_is_declared(settings: Settings) -> None:
    written = text(settings, declarations.load())
    assert "  clientes |o--o{ ventas : cliente_id\n  productos ||--o{ ventas : producto_id\n" in written
    assert (
        "| `cliente_id` | integer |  | existe en clientes; puede faltar |\n"
        "| `producto_id` | integer |  | existe en productos |\n"
    ) in written
    assert "| `nombre` | character varying(80) | nombre y apellidos |  |\n" in written
    assert "| `canal` | character varying(8) |  | uno de: tienda, web, telefono |\n" in written
    assert "\nAdemás, el coste no supera el precio.\n" in written
    assert "_load_id" not in written


def test_the_dictionary_with_names_that_mean_something_in_markdown(settings: Settings) -> None:
    with connect_settings(settings) as connection:
        connection.execute("DROP SCHEMA datos CASCADE; CREATE SCHEMA datos; GRANT USAGE ON SCHEMA datos TO etl_loader")
        connection.execute('CREATE TABLE datos.madres ("1 id" bigint PRIMARY KEY)')
        connection.execute("COMMENT ON TABLE datos.madres IS E'Una fila por |\\n madre <b>.'")
        connection.execute('CREATE TABLE datos."hijas de ñ" (madre bigint REFERENCES datos.madres)')
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA datos TO etl_loader")
    assert text(settings, []) == DICTIONARY


def test_what_a_table_says_gives_no_orders_to_the_terminal(settings: Settings) -> None:
    with connect_settings(settings) as connection:
        connection.execute("COMMENT ON COLUMN datos.clientes.nif IS E'\\x1b[31m rojo'")
    done = etl(settings, "catalog")
    assert done.returncode == 0, done.stderr
    assert "| \\x1b[31m rojo |" in done.stdout


def test_a_key_of_two_columns_points_column_to_column(settings: Settings) -> None:
    with connect_settings(settings) as connection:
        connection.execute("SET ROLE etl_owner")
        connection.execute("CREATE TABLE datos.pares (a int, b int, PRIMARY KEY (a, b))")
        connection.execute("CREATE TABLE datos.usos (y int NOT NULL, x int, FOREIGN KEY (x, y) REFERENCES datos.pares)")
    with reading(settings) as connection:
        [pairs, uses] = [one for one in read_tables(connection) if one.name in ("pares", "usos")]
    assert [column.key for column in pairs.columns] == [True, True]
    assert uses == Table("datos", "usos", "r", None, [
        Column("y", "integer", "integer", False, False, None, [["datos", "pares", "b"]]),
        Column("x", "integer", "integer", True, False, None, [["datos", "pares", "a"]]),
    ])  # fmt: skip


def text(settings: Settings, declared: list[Declared]) -> str:
    with reading(settings) as connection:
        return markdown(read_tables(connection, ["datos"]), declared)
