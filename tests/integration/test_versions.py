"""Varios archivos y varias versiones de cada uno: ninguna fila se pierde, se dobla ni cambia sin que se vea.

La regla: cada clave vale lo que dice el último archivo cargado que la trae, entre los que siguen en
su última versión. Repetir la carga no cambia nada, llegaran en el orden en que llegaran.
"""

import gzip
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from etl.settings import Settings
from own_rows import (
    CLIENTES,
    PRODUCTOS,
    VENTAS,
    cliente,
    clientes,
    load,
    load_one,
    numbers,
    producto,
    query,
    rejects,
    tienda,
    venta,
    write,
    write_parents,
)
from support import connect_settings

# La tabla y sus apuntes, mirados de verdad: cada carga vigente tiene en la tabla las filas que dice,
# menos las que se llevó otra posterior, y no hay filas de ninguna otra.
TAKEN = (
    "SELECT l.file, l.rows_loaded - count(t._load_id) FROM etl.loads AS l LEFT JOIN datos.clientes AS t"
    " ON t._load_id = l.load_id WHERE l.status = 'loaded' AND l.table_name = 'datos.clientes'"
    " GROUP BY l.load_id ORDER BY l.load_id"
)
UNOWNED = (
    "SELECT count(*) FROM datos.clientes WHERE _load_id NOT IN (SELECT load_id FROM etl.loads WHERE status = 'loaded')"
)


def put(settings: Settings, name: str, *rows: tuple[int, str]) -> Path:
    return write(settings, name, CLIENTES, *(cliente(number, nombre) for number, nombre in rows))


def run(settings: Settings, *paths: Path) -> dict[str, str]:
    """Carga, comprueba que repetir no cambia nada y devuelve qué fue de cada archivo la primera vez."""
    first = load(settings, *paths).files
    found = clientes(settings)
    assert {file.status for file in load(settings, *paths).files} == {"skipped"}
    assert clientes(settings) == found
    assert query(settings, UNOWNED) == [0]
    return {file.file: file.status for file in first}


# --- Versiones de un archivo -----------------------------------------------------------------


def test_a_new_version_replaces_the_rows_of_the_old_one_and_says_how_many_are_gone(settings: Settings) -> None:
    put(settings, "clientes.csv", (1, "Ana"), (2, "Luis"), (3, "Eva"))
    run(settings)
    put(settings, "clientes.csv", (1, "Ana María"), (4, "Sol"))
    result = load(settings).files[0]
    assert (result.status, numbers(result)) == ("loaded", (2, 2, 0, 0, 0))
    assert result.warnings == ["filas de la versión anterior que esta no trae, quitadas de la tabla: 2"]
    assert clientes(settings) == [(1, "Ana María"), (4, "Sol")]
    assert query(settings, "SELECT status FROM etl.loads ORDER BY load_id") == ["replaced", "loaded"]
    run(settings)


def test_a_row_whose_key_was_changed_by_hand_leaves_with_its_version(settings: Settings) -> None:
    put(settings, "clientes.csv", (1, "Ana"), (2, "Luis"), (3, "Eva"))
    run(settings)
    with connect_settings(settings) as connection:
        connection.execute("UPDATE datos.clientes SET cliente_id = 999 WHERE cliente_id = 1")
    put(settings, "clientes.csv", (1, "Ana"), (3, "Eva"))
    run(settings)
    assert clientes(settings) == [(1, "Ana"), (3, "Eva")]


def test_going_back_to_an_old_version_leaves_everything_as_it_was_then(settings: Settings) -> None:
    put(settings, "clientes_b.csv", (2, "Luisa"))
    for nombre in ("Ana", "Luis", "Ana"):
        put(settings, "clientes.csv", (1, nombre))
        assert run(settings)["clientes.csv"] == "loaded"
        assert clientes(settings) == [(1, nombre), (2, "Luisa")]
    ledger = "SELECT status, reloads FROM etl.loads WHERE file = 'clientes.csv' ORDER BY load_id"
    assert query(settings, ledger) == [("loaded", 1), ("replaced", 0)]


def test_a_new_version_that_is_refused_leaves_the_old_one(settings: Settings) -> None:
    put(settings, "clientes.csv", (1, "Ana"))
    run(settings)
    assert load_one(settings, "clientes.csv", "una cabecera cualquiera\n").status == "refused"
    assert clientes(settings) == [(1, "Ana")]
    assert query(settings, "SELECT status FROM etl.loads ORDER BY load_id") == ["loaded", "refused"]


def test_a_parent_that_others_need_cannot_leave_with_a_new_version(settings: Settings) -> None:
    write_parents(settings)
    write(settings, "ventas.csv", VENTAS, venta(1))
    load(settings)
    result = load_one(settings, "productos.csv", (PRODUCTOS + producto(2)).encode("latin-1"))
    assert result.status == "refused"
    assert result.reason is not None
    assert result.reason.startswith("Se irían filas que otras tablas necesitan")
    assert query(settings, "SELECT producto_id FROM datos.productos") == [1]
    # Con la fila, aunque cambiada, sí entra.
    changed = (PRODUCTOS + producto(1, nombre="Bollo")).encode("latin-1")
    assert load_one(settings, "productos.csv", changed).status == "loaded"
    assert query(settings, "SELECT nombre FROM datos.productos") == ["Bollo"]


def test_a_file_that_disappears_keeps_its_rows(settings: Settings) -> None:
    path = put(settings, "clientes.csv", (1, "Ana"))
    put(settings, "clientes_b.csv", (2, "Luis"))
    run(settings)
    path.unlink()
    assert run(settings) == {"clientes_b.csv": "skipped"}
    assert clientes(settings) == [(1, "Ana"), (2, "Luis")]


# --- La misma clave en varios archivos -------------------------------------------------------


def test_a_later_file_updates_the_row_and_owns_it(settings: Settings) -> None:
    put(settings, "clientes_a.csv", (1, "Ana"), (2, "Luis"))
    run(settings)
    put(settings, "clientes_b.csv", (2, "Luisa"), (3, "Eva"))
    result = load(settings).files[1]
    assert numbers(result) == (2, 2, 1, 0, 0)
    assert clientes(settings) == [(1, "Ana"), (2, "Luisa"), (3, "Eva")]
    assert query(settings, TAKEN) == [("clientes_a.csv", 1), ("clientes_b.csv", 0)]
    run(settings)


def test_what_a_later_file_updated_stays_when_the_earlier_one_drops_it(settings: Settings) -> None:
    put(settings, "clientes_a.csv", (1, "Ana"), (2, "Luis"))
    put(settings, "clientes_b.csv", (2, "Luisa"))
    run(settings)
    put(settings, "clientes_a.csv", (1, "Ana"))
    run(settings)
    assert clientes(settings) == [(1, "Ana"), (2, "Luisa")]


def test_a_row_that_the_later_file_gives_up_comes_back_from_the_earlier_one(settings: Settings) -> None:
    put(settings, "clientes_a.csv", (1, "Ana"), (2, "Luis"))
    put(settings, "clientes_b.csv", (1, "Anita"), (2, "Luisa"), (3, "Eva"))
    run(settings)
    put(settings, "clientes_b.csv", (1, "Anita"), (3, "Eva"))
    assert run(settings) == {"clientes_a.csv": "loaded", "clientes_b.csv": "loaded"}
    # Vuelve el 2 de «a»; el 1 sigue siendo de «b», que llegó después.
    assert clientes(settings) == [(1, "Anita"), (2, "Luis"), (3, "Eva")]
    assert query(settings, TAKEN) == [("clientes_a.csv", 0), ("clientes_b.csv", 0)]


def test_the_row_comes_back_even_if_only_the_later_file_was_asked_for(settings: Settings) -> None:
    put(settings, "clientes_a.csv", (1, "Ana"), (2, "Luis"))
    path = put(settings, "clientes_b.csv", (2, "Luisa"))
    run(settings)
    put(settings, "clientes_b.csv", (3, "Eva"))
    run(settings, path)
    assert clientes(settings) == [(1, "Ana"), (3, "Eva")]
    assert run(settings) == {"clientes_a.csv": "loaded", "clientes_b.csv": "skipped"}
    assert clientes(settings) == [(1, "Ana"), (2, "Luis"), (3, "Eva")]


def test_a_chain_of_updates_comes_undone_one_by_one(settings: Settings) -> None:
    for name, nombre in (("a", "Ana"), ("b", "Bea"), ("c", "Carla")):
        put(settings, f"clientes_{name}.csv", (1, nombre))
        run(settings)
    for name, left in (("c", "Bea"), ("b", "Ana")):
        put(settings, f"clientes_{name}.csv")
        run(settings)
        assert clientes(settings) == [(1, left)]


# --- El mismo contenido con otro nombre ------------------------------------------------------


def test_yesterday_is_kept_when_todays_file_moves_to_it_and_brings_new_rows(settings: Settings) -> None:
    put(settings, "clientes_hoy.csv", (1, "Ana"), (2, "Luis"))
    run(settings)
    shutil.move(settings.datos_dir / "clientes_hoy.csv", settings.datos_dir / "clientes_ayer.csv")
    put(settings, "clientes_hoy.csv", (2, "Luisa"), (3, "Eva"))
    assert run(settings) == {"clientes_ayer.csv": "skipped", "clientes_hoy.csv": "loaded"}
    assert clientes(settings) == [(1, "Ana"), (2, "Luisa"), (3, "Eva")]


def test_yesterday_comes_back_without_overriding_today_if_only_today_was_asked_for(settings: Settings) -> None:
    path = put(settings, "clientes_hoy.csv", (1, "Ana"), (2, "Luis"))
    run(settings)
    shutil.copy(path, settings.datos_dir / "clientes_ayer.csv")
    put(settings, "clientes_hoy.csv", (2, "Luisa"), (3, "Eva"))
    run(settings, path)
    assert clientes(settings) == [(2, "Luisa"), (3, "Eva")]
    assert run(settings) == {"clientes_ayer.csv": "loaded", "clientes_hoy.csv": "skipped"}
    assert clientes(settings) == [(1, "Ana"), (2, "Luisa"), (3, "Eva")]


def test_a_file_that_becomes_a_copy_of_another_loses_its_old_rows(settings: Settings) -> None:
    put(settings, "clientes_a.csv", (1, "Ana"))
    path = put(settings, "clientes_b.csv", (2, "Luis"))
    run(settings)
    shutil.copy(settings.datos_dir / "clientes_a.csv", path)
    result = load(settings).files[1]
    assert (result.status, result.warnings) == (
        "skipped",
        ["filas de la versión anterior que esta no trae, quitadas de la tabla: 1"],
    )
    assert clientes(settings) == [(1, "Ana")]
    assert query(settings, "SELECT sum(rows_loaded) FROM etl.loads WHERE status = 'loaded'") == [1]
    run(settings)


def test_a_renamed_file_is_still_known_by_its_new_name(settings: Settings) -> None:
    path = put(settings, "clientes.csv", (1, "Ana"), (2, "Luis"))
    run(settings)
    path.rename(settings.datos_dir / "clientes_2025.csv")
    assert run(settings) == {"clientes_2025.csv": "skipped"}
    put(settings, "clientes_2025.csv", (1, "Ana"))
    run(settings)
    assert clientes(settings) == [(1, "Ana")]


def test_a_copy_that_comes_and_goes_does_not_keep_old_rows(settings: Settings) -> None:
    path = put(settings, "clientes.csv", (1, "Ana"), (2, "Luis"))
    run(settings)
    copy = Path(shutil.copy(path, settings.datos_dir / "clientes_copia.csv"))
    run(settings)
    copy.unlink()
    put(settings, "clientes.csv", (1, "Ana"))
    run(settings)
    assert clientes(settings) == [(1, "Ana")]


def test_the_same_rows_in_two_files_are_there_once(settings: Settings) -> None:
    path = put(settings, "clientes.csv", (1, "Ana"), (2, "Luis"))
    (settings.datos_dir / "clientes.csv.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    result = load(settings)
    assert [numbers(file) for file in result.files] == [(2, 2, 0, 0, 0), (2, 2, 2, 0, 0)]
    assert clientes(settings) == [(1, "Ana"), (2, "Luis")]
    run(settings)


def test_a_link_to_a_file_is_the_same_file(settings: Settings) -> None:
    path = put(settings, "clientes.csv", (1, "Ana"))
    (settings.datos_dir / "clientes_enlace.csv").symlink_to(path)
    assert run(settings) == {"clientes.csv": "loaded", "clientes_enlace.csv": "skipped"}


def test_files_of_one_name_in_two_folders_are_two_files(settings: Settings) -> None:
    for folder, number in (("2024", 1), ("2025", 2)):
        (settings.datos_dir / folder).mkdir()
        put(settings, f"{folder}/clientes.csv", (number, "Ana"))
    assert run(settings) == {"2024/clientes.csv": "loaded", "2025/clientes.csv": "loaded"}
    assert clientes(settings) == [(1, "Ana"), (2, "Ana")]


@pytest.mark.parametrize("relative", [True, False])
def test_a_file_asked_for_by_its_path_is_the_one_of_the_folder(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    path = put(settings, "clientes.csv", (1, "Ana"))
    run(settings)
    monkeypatch.chdir(settings.datos_dir)
    assert run(settings, Path("clientes.csv") if relative else path) == {"clientes.csv": "skipped"}


def test_a_file_from_outside_the_folder_is_loaded_too(settings: Settings, tmp_path: Path) -> None:
    path = put(settings, "clientes.csv", (1, "Ana")).rename(tmp_path / "clientes_de_fuera.csv")
    assert run(settings, path) == {str(path): "loaded"}
    assert clientes(settings) == [(1, "Ana")]


def test_a_file_given_twice_is_loaded_once(settings: Settings) -> None:
    path = put(settings, "clientes.csv", (1, "Ana"))
    assert [file.status for file in load(settings, path, path, settings.datos_dir).files] == ["loaded"]


# --- Cualquier historia ----------------------------------------------------------------------

NAMES = ("clientes_a.csv", "clientes_b.csv", "clientes_c.csv")
CONTENTS = st.dictionaries(st.sampled_from([1, 2, 3]), st.sampled_from(["Ana", "Bea"]))
# Qué archivo se reescribe, con qué, y si después se carga solo él o la carpeta entera.
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), CONTENTS, st.booleans()), min_size=2, max_size=7)


@with_settings(max_examples=25)
@given(steps=STEPS)
@example(
    steps=[
        ("clientes_a.csv", {1: "Bea", 2: "Ana", 3: "Bea"}, False),
        ("clientes_a.csv", {1: "Ana", 2: "Ana"}, False),
        ("clientes_b.csv", {1: "Ana"}, False),
        ("clientes_b.csv", {1: "Bea", 2: "Ana", 3: "Bea"}, False),
    ]
)
def test_whatever_happened_each_key_is_what_the_newest_content_says(
    settings: Settings, steps: list[tuple[str, dict[int, str], bool]]
) -> None:
    with connect_settings(settings) as connection:
        connection.execute("TRUNCATE datos.clientes CASCADE; TRUNCATE etl.loads CASCADE")
    for name in NAMES:
        (settings.datos_dir / name).unlink(missing_ok=True)
    disk: dict[str, dict[int, str]] = {}
    arrived: list[dict[int, str]] = []
    for name, content, alone in steps:
        disk[name] = dict(sorted(content.items()))
        path = put(settings, name, *disk[name].items())
        load(settings, *([path] if alone else []))
        seen = [disk[name]] if alone else [disk[other] for other in sorted(disk)]
        arrived += [new for position, new in enumerate(seen) if new not in arrived + seen[:position]]
    run(settings)
    arrived += [disk[other] for other in sorted(disk) if disk[other] not in arrived]
    expected: dict[int, str] = {}
    for content in arrived:
        if content in disk.values():
            expected |= content
    assert clientes(settings) == sorted(expected.items())


# --- Madres e hijas --------------------------------------------------------------------------


def test_foreign_keys_decide_the_order_whatever_the_names_are(settings: Settings, tmp_path: Path) -> None:
    write(settings, "ventas.csv", VENTAS, venta(1, cliente_id="1"))
    write_parents(settings)
    put(settings, "clientes_z.csv", (1, "Ana"))
    files = load(settings, settings.datos_dir / "ventas.csv", settings.datos_dir).files
    assert files[-1].dataset == "ventas"
    assert {file.status for file in files} == {"loaded"}
    assert query(settings, "SELECT count(*) FROM datos.ventas") == [1]


def test_orphans_come_in_by_themselves_once_their_parent_is_there(settings: Settings) -> None:
    write_parents(settings)
    write(settings, "ventas.csv", VENTAS, venta(1), venta(2, cliente_id="7"), venta(3, cliente_id="8"))
    # Otro archivo corrigió después la venta 1: la repetición no la debe pisar.
    write(settings, "ventas_z.csv", VENTAS, venta(1, cantidad="9"))
    load(settings)
    assert rejects(settings) == [(3, "orphan", "cliente_id"), (4, "orphan", "cliente_id")]
    put(settings, "clientes.csv", (7, "Ana"))
    result = next(file for file in load(settings).files if file.file == "ventas.csv")
    assert (result.status, numbers(result)) == ("loaded", (3, 1, 0, 1, 1))
    sales = "SELECT venta_id, cantidad FROM datos.ventas ORDER BY 1"
    assert query(settings, sales) == [(1, 9), (2, 2)]
    assert {file.status for file in load(settings).files} == {"skipped"}
    assert query(settings, sales) == [(1, 9), (2, 2)]


def test_an_orphan_mended_by_hand_is_not_loaded_twice(settings: Settings) -> None:
    write_parents(settings)
    write(settings, "ventas.csv", VENTAS, venta(1), venta(2, tienda_id="5"))
    load(settings)
    write(settings, "ventas_corregidas.csv", VENTAS, venta(2, tienda_id="1"))
    load(settings)
    write(settings, "tiendas_nuevas.jsonl", tienda(5))
    load(settings)
    assert query(settings, "SELECT venta_id, tienda_id FROM datos.ventas ORDER BY 1") == [(1, 1), (2, 1)]
    assert {file.status for file in load(settings).files} == {"skipped"}


def test_repeats_far_apart_are_counted_and_the_first_row_stays(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Muchos bloques pequeños: unos se preparan antes del primer choque y otros, a la vez que se carga."""
    monkeypatch.setattr("etl.extract.delimited.BLOCK", 2048)
    order = random.Random(7)
    numbers_read = [order.randint(1, 2500) for _ in range(4000)]
    lines = [cliente(number, f"Ana {line}") for line, number in enumerate(numbers_read, start=2)]
    result = load_one(settings, "clientes.csv", CLIENTES, *lines)
    first = {number: f"Ana {line}" for line, number in reversed(list(enumerate(numbers_read, start=2)))}
    assert numbers(result) == (4000, len(first), 0, 4000 - len(first), 0)
    assert dict(clientes(settings)) == first


@pytest.mark.parametrize("orphans", [{30}, {30, 900, 1500, 2900}])
def test_orphans_here_and_there_are_put_aside_and_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, orphans: set[int]
) -> None:
    """Con una se pregunta por las madres de su trozo; si vuelve a haber, se leen las claves de la tabla madre."""
    monkeypatch.setattr("etl.extract.delimited.BLOCK", 2048)
    write_parents(settings)
    load(settings)
    lines = [venta(number, producto_id="9" if number in orphans else "1") for number in range(1, 3001)]
    lines.insert(2000, venta(7, canal="tienda"))
    result = load_one(settings, "ventas.csv", VENTAS, *lines)
    assert numbers(result) == (3001, 3000 - len(orphans), 0, 1, len(orphans))
    assert rejects(settings) == [(number + 1 + (number > 2000), "orphan", "producto_id") for number in sorted(orphans)]
    assert query(settings, "SELECT count(*) FROM datos.ventas WHERE canal = 'tienda'") == [0]


@pytest.mark.parametrize("files", [1, 2], ids=["uno solo", "varios"])
def test_what_was_loaded_with_another_declaration_says_so_until_it_is_loaded_again(
    settings: Settings, files: int
) -> None:
    for number in range(1, files + 1):
        write(settings, f"clientes_{number}.csv", CLIENTES, cliente(number))
    load(settings)
    assert [one.warnings for one in load(settings).files] == [[]] * files
    query(settings, "UPDATE etl.loads SET declaration = 'otra' RETURNING 1")
    for one in load(settings).files:
        assert one.status == "skipped"
        [warning] = one.warnings
        assert "con otra declaración" in warning
        assert "run --again" in warning
