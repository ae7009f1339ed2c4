"""Una carpeta partida, como las escriben Spark, pandas o Hive: una tabla y una carga, con lo que dicen las carpetas."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from etl.settings import Settings
from own_rows import VENTAS, load, query, run_with, venta, write_parents

pytestmark = pytest.mark.any_server

TYPES = (
    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = 'staging.consumos'::regclass AND attnum > 0 AND attname !~ '^_' ORDER BY attnum"
)


def part(settings: Settings, name: str, content: str | pa.Table) -> Path:
    path = settings.datos_dir / "energia" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    else:
        parquet.write_table(content, path)
    return path


def test_a_partitioned_folder_of_parquet_is_one_table(settings: Settings) -> None:
    for year, month in ((2023, "1"), (2024, "11"), (2024, "__HIVE_DEFAULT_PARTITION__")):
        table = pa.table({"contador": [1, 2], "kwh": [year / 10, 0.5]})
        part(settings, f"consumos.parquet/anio={year}/mes={month}/part-0.c000.snappy.parquet", table)
    (settings.datos_dir / "energia" / "consumos.parquet" / "_SUCCESS").touch()
    [file] = run_with(settings, []).files
    assert (file.status, file.file, file.counts.loaded) == ("loaded", "energia/consumos.parquet", 6)
    assert query(settings, TYPES) == [
        ("anio", "bigint"), ("mes", "bigint"), ("contador", "bigint"), ("kwh", "double precision"),
    ]  # fmt: skip
    assert query(settings, "SELECT anio, mes, kwh FROM staging.consumos WHERE contador = 1 ORDER BY 1, 2") == [
        (2023, 1, 202.3), (2024, 11, 202.4), (2024, None, 202.4),
    ]  # fmt: skip
    assert [file.status for file in run_with(settings, []).files] == ["skipped"]


def test_the_parts_may_have_other_columns_and_it_is_said(settings: Settings) -> None:
    part(settings, "consumos/mes=01/a.parquet", pa.table({"kwh": [1.5]}))
    part(settings, "consumos/mes=02/a.parquet", pa.table({"tarifa": ["A"], "kwh": [2.5]}))
    [file] = run_with(settings, []).files
    assert [warning[:42] for warning in file.warnings] == ["Sus partes no tienen las mismas columnas: "]
    found = query(settings, "SELECT mes, kwh::float, tarifa FROM staging.consumos ORDER BY 1")
    assert found == [("01", 1.5, None), ("02", 2.5, "A")]


def test_a_partitioned_folder_of_csv_is_one_table(settings: Settings) -> None:
    part(settings, "consumos/zona=A%20Coru%C3%B1a/part-0.csv", 'id;nota\n1;"a;b"\n2;""\n')
    part(settings, "consumos/zona=Lugo/part-0.csv", "id;nota\n3;x;de más\n4;\n")
    [file] = run_with(settings, []).files
    assert (file.status, file.counts.loaded, file.counts.rejected) == ("loaded", 3, 1)
    assert query(settings, "SELECT zona, id, nota FROM staging.consumos ORDER BY id") == [
        ("A Coruña", 1, "a;b"), ("A Coruña", 2, ""), ("Lugo", 4, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('id\n"a\nb"\n', "id\n1\n"),
        ("id\n1\n", "otra\n1\n"),
        ('id;"medida, en kWh"\n1;5\n', 'id;"medida, en kWh"\n2;5\n'),
        ("Informe\n\nid;kwh\n1;2\n", "Informe\n\nid;kwh\n3;4\n"),
        ("kwh\n1,5\n", "kwh\n2,5\n"),
        ("id;zona\n1;á\n", "id;zona\n2;\xe1\n"),
    ],
    ids=["a field of two lines", "another header", "two separators", "a title", "a decimal comma", "two encodings"],
)
def test_parts_that_cannot_be_joined_are_tables_of_their_own(settings: Settings, first: str, second: str) -> None:
    part(settings, "consumos/zona=1/a.csv", first)
    part(settings, "consumos/zona=2/b.csv", second).write_text(second, encoding="latin-1")
    assert [file.status for file in run_with(settings, []).files] == ["loaded", "loaded"]


def test_a_part_that_is_a_link_is_not_read_with_the_others(settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "ajeno.csv"
    outside.write_text("id\n7\n")
    part(settings, "consumos/zona=1/a.csv", "id\n1\n")
    part(settings, "consumos/zona=2/b.csv", "").unlink()
    (settings.datos_dir / "energia/consumos/zona=2/b.csv").symlink_to(outside)
    statuses = {file.file.rsplit("/", 1)[-1]: file.status for file in run_with(settings, []).files}
    assert statuses == {"a.csv": "loaded", "b.csv": "refused"}


def test_the_parts_of_a_declared_data_set_go_to_its_table(settings: Settings) -> None:
    """Los archivos que alguien declara no se juntan, aunque estén en carpetas partidas."""
    write_parents(settings)
    for month in (1, 2):
        folder = settings.datos_dir / "historico" / f"mes={month:02}"
        folder.mkdir(parents=True)
        (folder / f"ventas_{month:02}.csv").write_text(VENTAS + venta(month))
    load(settings)
    assert query(settings, "SELECT count(*) FROM datos.ventas") == [2]


def test_two_tables_in_one_folder_are_not_one(settings: Settings) -> None:
    part(settings, "volcado/dia=1/clientes.parquet", pa.table({"id": [1], "nombre": ["Ana"]}))
    part(settings, "volcado/dia=1/pedidos.parquet", pa.table({"id": [1], "total": [2]}))
    assert [file.table for file in run_with(settings, []).files] == ["staging.clientes", "staging.pedidos"]


def test_a_column_of_the_parts_is_not_lost_to_that_of_their_folder(settings: Settings) -> None:
    part(settings, "consumos/fecha=2024-01-01/a.parquet", pa.table({"fecha": ["2024-01-01 10:15"], "kwh": [1.0]}))
    run_with(settings, [])
    assert query(settings, "SELECT fecha FROM staging.a") == ["2024-01-01 10:15"]


def test_a_part_that_is_a_broken_link_stops_nobody_else(settings: Settings) -> None:
    part(settings, "consumos/mes=1/a.csv", "").unlink()
    (settings.datos_dir / "energia/consumos/mes=1/a.csv").symlink_to("no_existe.csv")
    (settings.datos_dir / "otro.csv").write_text("a,b\n1,2\n")
    assert {file.file: file.status for file in run_with(settings, []).files} == {
        "energia/consumos/mes=1/a.csv": "refused", "otro.csv": "loaded",
    }  # fmt: skip
