"""Los dos motores dejan lo mismo, fila a fila: tablas, rechazos, cuentas y libro de cargas."""

import gzip
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from compose.stack import wait_until
from declared.ventas import Venta
from etl.database.connection import OWNER, connect
from etl.dataset import Dataset
from etl.declarations import in_order
from etl.extract.source import Source
from etl.settings import Settings
from own_rows import query, run_with
from own_sample import write_sample
from spark import keys
from spark.bad_inputs import BAD_INPUTS, sale, text, zipped
from spark.parity import assert_equal, clear, load, staging_tables, state
from support import ServerAddress

PARENTS = ("clientes.csv", "productos.csv", "tiendas.jsonl")
Compare = Callable[[Path], None]
Copy = Callable[..., Path]


@pytest.fixture
def compare(settings: Settings, database: ServerAddress) -> Compare:
    """Carga una carpeta con cada motor en la misma base, y compara lo que queda."""

    def run(folder: Path) -> None:
        load(settings, "local", folder)
        expected = state(database)
        clear(database)
        load(settings, "spark", folder)
        assert_equal(expected, state(database))
        assert staging_tables(database) == []
        assert sum(len(rows) for rows in expected.values()) > 0

    return run


@pytest.fixture
def copy_sample(sample: Path) -> Copy:
    """Copia unos archivos de ejemplo en una carpeta, que devuelve."""

    def copy(folder: Path, *names: str) -> Path:
        folder.mkdir(exist_ok=True)
        for name in names:
            shutil.copy(sample / name, folder)
        return folder

    return copy


@pytest.mark.parametrize("blocks", ["enteros", "de 4 kB"])
def test_the_sample_data_is_equal(blocks: str, compare: Compare, sample: Path, request: pytest.FixtureRequest) -> None:
    if blocks == "de 4 kB":
        request.getfixturevalue("small_blocks")
    compare(sample)


def test_data_with_many_errors_is_equal(compare: Compare, tmp_path: Path, small_blocks: None) -> None:
    write_sample(tmp_path / "tienda", 6000, every=5)
    compare(tmp_path / "tienda")


@pytest.mark.parametrize("blocks", ["enteros", "de 4 kB"])
def test_every_bad_input_is_equal(
    blocks: str, compare: Compare, copy_sample: Copy, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if blocks == "de 4 kB":
        request.getfixturevalue("small_blocks")
    folder = copy_sample(tmp_path / "datos", *PARENTS)
    for name, content in BAD_INPUTS.items():
        (folder / name).write_bytes(content)
    outside = tmp_path / "ventas.csv"
    outside.write_text(text(60))
    (folder / "ventas_44_enlace.csv").symlink_to(outside)
    os.mkfifo(folder / "ventas_44_tuberia.csv")
    compare(folder)


def test_a_bomb_is_refused_by_both(compare: Compare, copy_sample: Copy, settings: Settings) -> None:
    bomb = zipped("ventas.csv", text(1).encode() + (b"0" * 999_999 + b"\n") * 70)
    (copy_sample(settings.datos_dir, *PARENTS) / "ventas_43_bomba.zip").write_bytes(bomb)
    compare(settings.datos_dir)
    assert query(settings, "SELECT status FROM etl.loads WHERE file LIKE 'ventas_43%'") == ["refused"]


def test_another_dialect_is_cut_where_its_records_end(
    compare: Compare, copy_sample: Copy, settings: Settings, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = {"delimiter": ";", "decimal": ",", "escape": "\\", "preamble_rows": 2, "date_format": "%d/%m/%y"}
    monkeypatch.setattr(Venta, "dialect", replace(Venta.dialect, **written))
    odd = sale(1, canal='"we\\"b\nweb\n"') + sale(2, canal="we\\,b")
    lines = text(1, 150, *[odd] * 100).replace(",", ";").replace("/2025", "/25").replace(".50", ",50")
    (copy_sample(settings.datos_dir, *PARENTS) / "ventas.csv").write_text("Ventas\nde enero\n" + lines)
    compare(settings.datos_dir)


def test_46_a_file_that_grows_while_it_is_read_is_refused(
    settings: Settings, database: ServerAddress, copy_sample: Copy, small_blocks: None
) -> None:
    path = copy_sample(settings.datos_dir, *PARENTS) / "ventas.csv"
    path.write_text(text(1))

    def grow(source: Source, *_progress: object) -> None:
        if source.name == "ventas.csv":
            with path.open("a") as file:
                file.write(sale(1))

    result = load(settings, "spark", settings.datos_dir, grow)
    assert (result.files[-1].status, result.exit_code) == ("refused", 3)
    assert "cambió mientras se leía" in str(result.files[-1].reason)
    assert state(database)["ventas"] == []
    assert staging_tables(database) == []


def test_a_task_may_have_several_parts_of_a_file(
    compare: Compare, copy_sample: Copy, settings: Settings, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Con más núcleos que tareas: nueve o más."""
    monkeypatch.setattr("extras.spark.cluster.MOST_TASKS", 1)
    compare(copy_sample(settings.datos_dir, *PARENTS, "ventas_2025-01.csv"))


def test_46_a_file_that_changes_after_it_was_validated_ahead_loads_what_it_has_now(
    settings: Settings,
    database: ServerAddress,
    copy_sample: Copy,
    tmp_path: Path,
    small_blocks: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, mark = copy_sample(settings.datos_dir, *PARENTS, "ventas_2025-01.csv"), tmp_path / "validado"
    path = folder / "ventas_2025-02.csv"
    path.write_text(text(3))

    def task(work: Any, part: Any) -> Any:
        from extras.spark.stage import stage_part

        staged = stage_part(work, part)
        if part.source.name == "ventas_2025-02.csv":
            mark.touch()
        return staged

    def change(source: Source, *_progress: object) -> None:
        if source.name == "ventas_2025-01.csv" and not mark.with_suffix(".cambiado").exists():
            wait_until(mark.exists, 60, "que se valide el segundo")
            path.write_text(text(4))
            mark.with_suffix(".cambiado").touch()

    monkeypatch.setattr("extras.spark.cluster.stage_part", task)
    result = load(settings, "spark", folder, change)
    assert (result.files[-1].file, result.files[-1].status) == ("ventas_2025-02.csv", "loaded")
    found = state(database)
    clear(database)
    load(settings, "local", folder)
    assert_equal(state(database), found)


def test_it_says_which_files_do_not_go_to_the_cluster(settings: Settings, copy_sample: Copy) -> None:
    folder = copy_sample(settings.datos_dir, *PARENTS)
    for name in ("medidas.csv", "otras.csv", "mas.csv", "y_mas.csv"):
        (folder / name).write_text("a,b\n1,2\n")
    said: list[str] = []
    load(settings, "spark", folder, said=said)
    assert said[1:] == ["Sin declarar, en este proceso y no en el clúster: mas.csv, medidas.csv, otras.csv y 1 más"]


def test_a_second_run_changes_nothing_whichever_engine_loaded_first(
    settings: Settings, database: ServerAddress, copy_sample: Copy
) -> None:
    folder = copy_sample(settings.datos_dir, *PARENTS, "ventas_2025-01.csv", "ventas_2025-02.csv.gz")
    load(settings, "local", folder)
    expected = state(database)
    again = load(settings, "spark", folder)
    assert {file.status for file in again.files} == {"skipped"}
    assert_equal(expected, state(database))

    clear(database)
    load(settings, "spark", folder)
    again = load(settings, "local", folder)
    assert {file.status for file in again.files} == {"skipped"}
    assert_equal(expected, state(database))


def test_a_new_version_replaces_the_old_one_and_repeated_keys_update(
    settings: Settings, database: ServerAddress, copy_sample: Copy, small_blocks: None
) -> None:
    results = []
    for engine in ("local", "spark"):
        clear(database)
        folder = settings.datos_dir / engine
        folder.mkdir()
        copy_sample(folder, *PARENTS, "ventas_2025-01.csv")
        load(settings, engine, folder)
        # La versión nueva: sin las últimas filas. Otro archivo repite claves con otra cantidad.
        lines = (folder / "ventas_2025-01.csv").read_bytes().splitlines(keepends=True)
        (folder / "ventas_2025-01.csv").write_bytes(b"".join(lines[:-500]))
        changed = [line.replace(b",1,", b",9,", 1) for line in lines[1:800]]
        (folder / "ventas_correccion.csv.gz").write_bytes(gzip.compress(lines[0] + b"".join(changed), mtime=0))
        results.append([file.counts for file in load(settings, engine, folder).files])
        results.append(state(database))
    assert results[0] == results[2]
    assert_equal(results[1], results[3])
    assert max(counts.updated for counts in results[0]) > 500


def test_an_error_that_nobody_foresaw_ends_one_file_and_not_the_run(
    settings: Settings, database: ServerAddress, copy_sample: Copy
) -> None:
    folder = copy_sample(settings.datos_dir, *PARENTS, "ventas_2025-01.csv")

    def fail(source: Source, *_progress: object) -> None:
        if source.name == "clientes.csv":
            raise OverflowError("no cabe")

    result = load(settings, "spark", folder, fail)
    assert (result.exit_code, {file.file: file.status for file in result.files}) == (
        3,
        {
            "clientes.csv": "failed",
            "productos.csv": "loaded",
            "tiendas.jsonl": "loaded",
            "ventas_2025-01.csv": "loaded",
        },
    )
    assert query(settings, "SELECT file FROM etl.loads WHERE status = 'failed' AND error LIKE '%no cabe%'") == [
        "clientes.csv"
    ]
    assert staging_tables(database) == []


def write_family(folder: Path) -> None:
    """La hija: una fila sin huérfanos, una sin nada, y una por clave con un valor que la madre no tiene."""
    for kind, (_, _, (first, second, _)) in keys.KINDS.items():
        lines = dict.fromkeys(["clave", first, second])
        (folder / f"madre_{kind}.csv").write_text("".join(f"{line}\n" for line in lines))
    names = list(keys.KINDS)
    rows = [[second for _, _, (_, second, _) in keys.KINDS.values()], [""] * len(names)]
    rows += [
        [values[2] if kind == orphan else values[0] for kind, (_, _, values) in keys.KINDS.items()] for orphan in names
    ]
    numbered = [[str(number), *row] for number, row in enumerate(rows, start=1)]
    (folder / "hija.csv").write_text("".join(",".join(line) + "\n" for line in [["numero", *names], *numbered]))


def test_42_orphans_are_the_same_whatever_the_type_of_the_key(settings: Settings, database: ServerAddress) -> None:
    declared = [*keys.PARENTS, keys.CHILD]
    tables = tuple(str(one.__tablename__) for one in declared)
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: connect(settings, role=OWNER))
    Dataset.metadata.create_all(engine, [one.__table__ for one in declared])
    engine.dispose()
    write_family(settings.datos_dir)
    found = []
    for name in ("local", "spark"):
        result = run_with(settings, in_order(declared), engine=name)
        assert [one.reason for one in result.files if one.reason] == []
        found.append(state(database, tables))
        clear(database, tables)
    assert_equal(*found)
    assert [(code, column) for _, _, _, column, _, code, _ in found[0]["rejects"]] == [
        ("orphan", kind) for kind in keys.KINDS
    ]
