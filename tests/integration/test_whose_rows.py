"""De quién son las filas: un archivo se conoce por su ruta, y su carga se puede deshacer."""

import os
import zipfile
from pathlib import Path

import pytest

from declared.clientes import Cliente
from declared.productos import Producto
from declared.tiendas import Tienda
from declared.ventas import Venta
from etl.declarations import in_order
from etl.errors import FileRefused, UsageError
from etl.settings import Settings
from extras.forget.forget import forget
from loader import etl
from own_rows import CLIENTES, VENTAS, cliente, clientes, load, load_one, query, run_with, venta, write, write_parents

TABLES = in_order([Cliente, Producto, Tienda, Venta])


def test_a_file_of_the_same_name_outside_the_folder_replaces_nothing(settings: Settings, tmp_path: Path) -> None:
    load_one(settings, "clientes.csv", CLIENTES, cliente(1), cliente(2))
    other = tmp_path / "otra" / "clientes.csv"
    other.parent.mkdir()
    other.write_text(CLIENTES + cliente(3), encoding="utf-8")
    [result] = load(settings, other.parent).files
    assert (result.file, result.status) == (str(other), "loaded")
    assert [number for number, _ in clientes(settings)] == [1, 2, 3]


def test_a_copy_outside_does_not_take_the_name_of_the_one_in_the_folder(settings: Settings, tmp_path: Path) -> None:
    path = write(settings, "clientes.csv", CLIENTES, cliente(1), cliente(2))
    load(settings, path)
    copy = tmp_path / "copia" / "clientes.csv"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert [file.status for file in load(settings, copy).files] == ["skipped"]
    load_one(settings, "clientes.csv", CLIENTES, cliente(1))
    assert [number for number, _ in clientes(settings)] == [1]


def test_an_entry_of_before_takes_the_whole_path(settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "fuera" / "clientes.csv"
    outside.parent.mkdir()
    outside.write_text(CLIENTES + cliente(1) + cliente(2), encoding="utf-8")
    load(settings, outside)
    query(settings, "UPDATE etl.loads SET file = 'clientes.csv' RETURNING 1")
    assert [file.status for file in load(settings, outside).files] == ["skipped"]
    assert query(settings, "SELECT file FROM etl.loads") == [str(outside)]


def test_two_undeclared_files_of_one_name_have_two_tables(settings: Settings) -> None:
    for folder in ("norte", "sur"):
        (settings.datos_dir / folder).mkdir()
        write(settings, f"{folder}/lecturas.csv", f"n,zona\n1,{folder}\n")
    results = run_with(settings, []).files
    assert [result.table for result in results] == ["staging.lecturas", "staging.sur_lecturas"]


def test_the_rows_of_another_file_that_a_load_updates_are_told(settings: Settings) -> None:
    load_one(settings, "clientes_1.csv", CLIENTES, cliente(1, "Ana"), cliente(2, "Eva"))
    newer = load_one(settings, "clientes_2.csv", CLIENTES, cliente(2, "Otra"), cliente(2, "Más"), cliente(3))
    assert newer.warnings == ["filas de «clientes_1.csv» que este sustituye: 1"]
    version = load_one(settings, "clientes_2.csv", CLIENTES, cliente(2, "Nueva"), cliente(3))
    assert "filas de «clientes_2.csv»" not in " ".join(version.warnings)


def test_forgetting_a_file_gives_back_what_it_had_displaced(settings: Settings) -> None:
    first = write(settings, "clientes_1.csv", CLIENTES, cliente(1, "Ana"), cliente(2, "Eva"))
    second = write(settings, "clientes_2.csv", CLIENTES, cliente(2, "Otra"), cliente(3, "Zoe"))
    load(settings, first, second)
    assert clientes(settings) == [(1, "Ana"), (2, "Otra"), (3, "Zoe")]
    assert forget(settings, second, TABLES) == [("datos.clientes", 2, 0)]
    assert clientes(settings) == [(1, "Ana")]
    second.unlink()
    load(settings)
    assert clientes(settings) == [(1, "Ana"), (2, "Eva")]
    assert query(settings, "SELECT file, status FROM etl.loads ORDER BY 1") == [
        ("clientes_1.csv", "loaded"),
        ("clientes_2.csv", "replaced"),
    ]


def test_what_other_tables_use_is_not_forgotten(settings: Settings) -> None:
    write_parents(settings)
    write(settings, "clientes.csv", CLIENTES, cliente(1))
    write(settings, "ventas.csv", VENTAS, venta(1, cliente_id="1"))
    load(settings)
    with pytest.raises(FileRefused, match="sigue en uso en «ventas»"):
        forget(settings, Path("clientes.csv"), TABLES)
    assert [number for number, _ in clientes(settings)] == [1]
    forget(settings, Path("ventas.csv"), TABLES)
    forget(settings, Path("clientes.csv"), TABLES)
    assert clientes(settings) == []


def test_what_several_tables_have_of_one_file_is_forgotten_at_once(settings: Settings) -> None:
    write_parents(settings)
    with zipfile.ZipFile(settings.datos_dir / "todo.zip", "w") as archive:
        archive.writestr("clientes.csv", CLIENTES + cliente(1))
        for number in (1, 2):
            archive.writestr(f"ventas_{number}.csv", VENTAS + venta(number, cliente_id="1"))
    assert [file.status for file in load(settings).files] == ["loaded"] * 5
    tables = [table for table, _, _ in forget(settings, Path("todo.zip"), TABLES)]
    assert tables == ["datos.ventas", "datos.ventas", "datos.clientes"]
    assert query(settings, "SELECT (SELECT count(*) FROM datos.ventas), (SELECT count(*) FROM datos.clientes)") == [
        (0, 0)
    ]


def test_an_undeclared_file_is_forgotten_with_its_table(settings: Settings) -> None:
    path = write(settings, "lecturas.csv", "n,zona\n1,norte\n")
    run_with(settings, [], path)
    done = etl(settings, "forget", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "staging.lecturas: 1 fila menos." in done.stdout
    assert query(settings, "SELECT to_regclass('staging.lecturas')") == [None]
    with pytest.raises(UsageError, match="no está cargado"):
        forget(settings, path, [])
    assert [file.status for file in run_with(settings, [], path).files] == ["loaded"]


def test_a_link_out_of_the_folder_is_refused_by_any_path(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "fuera"
    outside.mkdir()
    (outside / "clientes.csv").write_text(CLIENTES + cliente(1), encoding="utf-8")
    (settings.datos_dir / "clientes.csv").symlink_to(outside / "clientes.csv")
    (settings.datos_dir / "carpeta").symlink_to(outside)
    monkeypatch.chdir(settings.datos_dir)
    for path in (Path("clientes.csv"), Path("clientes.csv").absolute(), Path("carpeta/clientes.csv")):
        [result] = load(settings, path).files
        assert (result.status, "sale de la carpeta" in (result.reason or "")) == ("refused", True)


def test_an_edit_of_equal_size_with_its_date_put_back_is_seen(settings: Settings) -> None:
    path = write(settings, "clientes.csv", CLIENTES, cliente(1, "Ana"))
    before = path.stat()
    load(settings, path)
    write(settings, "clientes.csv", CLIENTES, cliente(1, "Eva"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    load(settings, path)
    assert clientes(settings) == [(1, "Eva")]
