"""`etl inspect` enseña sin cargar; `etl new` lleva un archivo de staging a una tabla declarada."""

import json
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from etl.settings import ROOT, Settings
from loader import environment
from own_project import own_project
from support import connect_settings

pytestmark = pytest.mark.any_server

CSV = (
    "Informe de pedidos;;;;\n"
    "Nº pedido;Código postal;Importe;Fecha;Miles\n"
    "1;03001;1.234,50;31/12/2023;1.234\n"
    "2;28013;12,25;01/02/2024;5.678\n"
    "3;08001;7,00;31/02/2024;\n"
    "4;08001;mal;\n"
)


def etl(root: Path, settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = environment(settings, PYTHONPATH=str(root / "app"), SQL_DIR=str(root / "sql"))
    command = [sys.executable, "-m", "wiring", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=root)


def test_inspect_says_what_it_sees_and_loads_nothing(settings: Settings) -> None:
    path = settings.datos_dir / "pedidos.csv"
    path.write_bytes(CSV.encode("latin-1"))
    shown = etl(ROOT, settings, "inspect", str(path))
    assert shown.returncode == 0, shown.stderr
    for text in ("latin-1", "punto y coma", "codigo_postal", "línea 5", "signo de millar"):
        assert text in shown.stdout
    seen = json.loads(etl(ROOT, settings, "inspect", str(path), "--json").stdout)["files"][0]
    assert seen["dialect"] == {"delimiter": ";", "quote": '"', "escape": None, "line_end": "\n"}
    assert (seen["encoding"], seen["header"], seen["preamble_rows"]) == ("latin-1", True, 1)
    assert [(column["name"], column["type"]) for column in seen["columns"]] == [
        ("n_pedido", "bigint"),
        ("codigo_postal", "text"),
        ("importe", "numeric"),
        ("fecha", "date"),
        ("miles", "bigint"),
    ]
    assert (seen["columns"][1]["distinct"], seen["columns"][4]["nulls"]) == (3, 1)
    assert [reject["line"] for reject in seen["rejects"]] == [5, 6]


def test_what_inspect_tells_to_do_next_can_be_done(settings: Settings, tmp_path: Path) -> None:
    root = own_project(tmp_path / "proyecto")
    declared, other = settings.datos_dir / "clientes.csv", settings.datos_dir / "mis datos.csv"
    declared.write_text("cliente_id,nombre\n1,Ana\n", encoding="utf-8")
    other.write_text("a;b\n1;2\n3;4\n", encoding="utf-8")
    assert etl(root, settings, "inspect", str(declared)).stdout.endswith(f"Cárguelo con: etl run {declared}\n")
    last = etl(root, settings, "inspect", str(other)).stdout.splitlines()[-1]
    run, new = (shlex.split(said.partition(": etl ")[2]) for said in last.split(" · "))
    assert etl(root, settings, *run).returncode == 0
    assert etl(root, settings, *new).returncode == 0
    assert (root / "app" / "declared" / "mis_datos.py").is_file()


def test_inspect_goes_on_after_a_file_that_cannot_be_read(settings: Settings) -> None:
    with zipfile.ZipFile(settings.datos_dir / "varios.zip", "w") as archive:
        archive.writestr("foto.png", b"\x89PNG")
        archive.writestr("año.csv", "id;v\n1;2,5\n")
    shown = etl(ROOT, settings, "inspect", str(settings.datos_dir))
    assert shown.returncode == 3, shown.stderr
    assert "✖ varios.zip/foto.png: Formato «.png» desconocido" in shown.stdout
    assert "staging.anio" in shown.stdout
    document = json.loads(etl(ROOT, settings, "inspect", str(settings.datos_dir), "--json").stdout)
    [bad, good] = document["files"]
    assert "desconocido" in bad["reason"]
    assert (good["reason"], good["rows_read"]) == (None, 1)


def test_new_moves_a_file_from_staging_to_a_declared_table(settings: Settings, tmp_path: Path) -> None:
    root = own_project(tmp_path / "proyecto")
    path = settings.datos_dir / "pedidos.csv"
    path.write_bytes(CSV.encode("latin-1"))
    assert etl(root, settings, "run").returncode == 0
    with connect_settings(settings) as connection:
        assert connection.execute("SELECT count(*) FROM staging.pedidos").fetchone() == (2,)

    written = etl(root, settings, "new", str(path))
    assert written.returncode == 0, written.stderr
    declaration = (root / "app/declared/pedidos.py").read_text(encoding="utf-8")
    assert "n_pedido: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)" in declaration
    assert "importe: Mapped[Decimal] = mapped_column(Numeric(12, 2))" in declaration
    assert 'decimal=",", thousands=".", date_format="%d/%m/%Y"' in declaration
    assert "# Columna «miles»: «.» se toma como signo de millar" in declaration
    checked = [sys.executable, "-m", "ruff", "check", "--no-cache", "app/declared/pedidos.py"]
    assert subprocess.run(checked, cwd=root, check=False, capture_output=True).returncode == 0

    migrated = etl(root, settings, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    loaded = etl(root, settings, "run")
    assert loaded.returncode == 0, loaded.stderr
    with connect_settings(settings) as connection:
        assert connection.execute("SELECT n_pedido, codigo_postal FROM datos.pedidos ORDER BY 1").fetchall() == [
            (1, "03001"),
            (2, "28013"),
        ]
        assert connection.execute("SELECT to_regclass('staging.pedidos')").fetchone() == (None,)


@pytest.mark.parametrize("repeats", [1, 30_000], ids=["pocas filas", "varios trozos"])
def test_what_new_declares_of_a_file_without_a_key_is_loaded_row_by_row(
    settings: Settings, tmp_path: Path, repeats: int
) -> None:
    root = own_project(tmp_path / "proyecto")
    path = settings.datos_dir / "visitas.csv"
    path.write_text("nombre,ciudad\n" + "Ana,Lugo\nAna,Lugo\nPepe,Jaén\n" * repeats, encoding="utf-8")
    for order in (("new", str(path)), ("migrate",), ("run", "--quiet")):
        done = etl(root, settings, *order)
        assert done.returncode == 0, done.stderr
    with path.open("a", encoding="utf-8") as file:
        file.write("Eva,Vigo\n")
    again = etl(root, settings, "run", "--json", str(path))
    [result] = json.loads(again.stdout)["files"]
    assert (result["rows_read"], result["rows_loaded"], result["rows_duplicate"]) == (3 * repeats + 1,) * 2 + (0,)
    assert result["warnings"] == []
    with connect_settings(settings) as connection:
        found = connection.execute("SELECT nombre, count(*) FROM datos.visitas GROUP BY 1 ORDER BY 1").fetchall()
    assert found == [("Ana", 2 * repeats), ("Eva", 1), ("Pepe", repeats)]


def test_what_clashes_with_an_index_of_somebody_else_is_told_as_such(settings: Settings, tmp_path: Path) -> None:
    """En una tabla sin clave propia, con filas, y en un trozo que no es el primero."""
    root = own_project(tmp_path / "proyecto")
    path = settings.datos_dir / "visitas.csv"
    path.write_text("nombre,ciudad\nAna,Lugo\nAna,Lugo\n", encoding="utf-8")
    for order in (("new", str(path)), ("migrate",), ("run", "--quiet")):
        done = etl(root, settings, *order)
        assert done.returncode == 0, done.stderr
    with connect_settings(settings) as connection:
        connection.execute("CREATE UNIQUE INDEX ON datos.visitas (nombre) WHERE nombre = 'Repe'")
        connection.execute("INSERT INTO datos.visitas VALUES ('de antes', 'Vigo', 0, 100)")
    path.write_text("nombre,ciudad\n" + "Ana,Lugo\n" * 300_000 + "Repe,Vigo\n" * 2, encoding="utf-8")
    failed = etl(root, settings, "run", str(path))
    assert failed.returncode == 3
    assert "visitas_nombre_idx" in failed.stderr
    assert "KeyError" not in failed.stderr


def test_what_new_declares_of_a_nested_json_is_loaded(settings: Settings, tmp_path: Path) -> None:
    root = own_project(tmp_path / "proyecto")
    path = settings.datos_dir / "nido.jsonl"
    path.write_text('{"id": 1, "b": {"c": [1, 2.50]}}\n{"id": 2, "b": null}\n')
    for order in (["new", str(path)], ["migrate"], ["run", str(path)]):
        done = etl(root, settings, *order)
        assert done.returncode == 0, done.stderr
    with connect_settings(settings) as connection:
        found = connection.execute("SELECT id, b ->> 'c' FROM datos.nido ORDER BY 1").fetchall()
    assert found == [(1, "[1, 2.50]"), (2, None)]


HOSTILE = """a\"\"\"+str(__import__("os").system("touch intruso"))+\"\"\".csv"""
NAMES = [HOSTILE, "b\\x.csv", "c\nd.csv", "class.csv", "none.csv", "venta.csv", "' + str(1) + '.csv"]


def test_48_new_writes_a_file_name_as_data(settings: Settings, tmp_path: Path) -> None:
    root = own_project(tmp_path / "proyecto")
    for name in NAMES:
        path = settings.datos_dir / name
        path.write_text("class,int,metadata,texto\n1,2,3,a\n2,3,4,b\n")
        done = etl(root, settings, "new", str(path))
        assert (done.returncode, done.stderr) == (0, ""), name
        assert etl(root, settings, "migrate").returncode == 0, name
    loaded = etl(root, settings, "run", "--json")
    assert {file["file"]: file["dataset"] for file in json.loads(loaded.stdout)["files"]} == {
        HOSTILE: "a_str_import_os_system_touch_intruso",
        "b\\x.csv": "b_x",
        "c\nd.csv": "c_d",
        "class.csv": "class",
        "none.csv": "none",
        "venta.csv": "venta",
        "' + str(1) + '.csv": "str_1",
    }
    assert loaded.returncode == 0, loaded.stderr
    assert not list(tmp_path.rglob("intruso"))


def test_a_declaration_that_cannot_be_finished_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    root = own_project(tmp_path / "proyecto")
    template = root / "sql" / "migrations" / "script.py.mako"
    template.write_text(template.read_text() + "esto no es Python\n")
    before = {file: file.read_bytes() for file in root.rglob("*.py")}
    path = settings.datos_dir / "pedidos.csv"
    path.write_text("id,v\n1,2\n")
    done = etl(root, settings, "new", str(path))
    assert (done.returncode, done.stderr.splitlines()[0][:19]) == (2, "Error: La migración")
    assert {file: file.read_bytes() for file in root.rglob("*.py")} == before
    assert etl(root, settings, "status").returncode == 0


def test_inspect_does_not_tell_to_declare_what_is_one_of_several_in_a_zip(settings: Settings) -> None:
    for name, tables in (("uno.zip", "a"), ("dos.zip", "ab")):
        with zipfile.ZipFile(settings.datos_dir / name, "w") as archive:
            for table in tables:
                archive.writestr(f"{table}.csv", "id;v\n1;2,5\n")
        told = etl(ROOT, settings, "inspect", str(settings.datos_dir / name)).stdout
        assert ("etl new" in told) == (name == "uno.zip")
