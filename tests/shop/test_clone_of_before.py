"""Quien clonó el proyecto cuando la migración 0001 creaba la tienda sigue con su base de datos y con lo que añadió.

En `before/`, lo que tenía: aquella 0001, y una 0002 y un data set suyos, escritos por el «etl new» de entonces.
"""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from etl.database import migrate
from etl.settings import ROOT, Settings
from own_rows import query
from project.command import loader
from support import connect_settings

BEFORE = Path(__file__).parent / "before"
CLIENTE = "INSERT INTO datos.clientes VALUES (1, '12345678Z', 'Ana', NULL, 'Cuenca', '16001', '2024-01-15', NULL, 1, 2)"
PRODUCTO = "INSERT INTO datos.productos VALUES (1, 'Pan', 'Alimentación', 1.20, 0.40, NULL, true, 2, 2)"
TIENDA = "INSERT INTO datos.tiendas VALUES (1, 'Centro', 'Cuenca', 'Cuenca', 10, '2020-01-01', 40, -2, 3, 1)"
# La primera, 3 × 0,35 con un 10 % menos: 0,945 €, que en una factura son 0,95.
VENTAS = (
    "INSERT INTO datos.ventas VALUES (1, '2025-01-31', 1, 1, 1, 3, 0.35, 10, 'web', 4, 2),"
    " (2, '2025-01-31', NULL, 1, 1, 2, 1.20, 0, 'web', 4, 3)"
)
# La de ventas cargó tres filas y le quedan dos.
LOADS = (
    "INSERT INTO etl.loads (run_id, file, table_name, engine, sha256, bytes, rows_read, rows_loaded, status)"
    " SELECT gen_random_uuid(), name || '.csv', 'datos.' || name, 'local', name, 1, rows, rows, 'loaded'"
    " FROM (VALUES ('clientes', 1), ('productos', 1), ('tiendas', 1), ('ventas', 3)) AS known (name, rows)"
)


def before(settings: Settings, folder: Path, *migrations: str) -> None:
    """La base de datos como la dejó el proyecto de entonces, con filas en la tienda."""
    shutil.copytree(ROOT / "sql", folder, ignore=shutil.ignore_patterns("versions", "__pycache__"))
    (folder / "migrations" / "versions").mkdir()
    for name in migrations:
        shutil.copy2(BEFORE / name, folder / "migrations" / "versions")
    with connect_settings(settings) as connection:
        connection.execute("DROP SCHEMA datos, etl CASCADE")
        connection.execute((settings.sql_dir / "init.sql").read_bytes())
    migrate.upgrade(replace(settings, sql_dir=folder), "head")
    with connect_settings(settings) as connection:
        for statement in (CLIENTE, PRODUCTO, TIENDA, VENTAS, LOADS):
            connection.execute(statement)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """El proyecto de ahora."""
    root = tmp_path / "proyecto"
    for name in ("app", "sql"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def etl(root: Path, settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = loader.environment(settings, PYTHONPATH=str(root / "app"), SQL_DIR=str(root / "sql"))
    command = [sys.executable, "-m", "wiring", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=root)


def test_a_database_of_before_goes_on_with_its_rows(settings: Settings, root: Path, tmp_path: Path) -> None:
    before(settings, tmp_path / "sql", "0001_tablas_iniciales.py")
    done = etl(root, settings, "run", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    amounts = query(settings, "SELECT venta_id, importe_eur::text FROM datos.ventas ORDER BY 1")
    assert amounts == [(1, "0.95"), (2, "2.40")]
    assert query(settings, "SELECT importe_eur::text FROM marts.ventas_mensuales") == ["3.35"]
    assert query(settings, "SELECT file FROM etl.loads WHERE ceded") == ["ventas.csv"]
    written = etl(root, settings, "revision")
    assert (written.returncode, written.stdout) == (
        0,
        "Las tablas ya son como se declaran: no hay nada que escribir.\n",
    )


def test_a_data_set_of_ones_own_goes_on_with_one_more_command(settings: Settings, root: Path, tmp_path: Path) -> None:
    before(settings, tmp_path / "sql", "0001_tablas_iniciales.py", "0002_tabla_mascotas.py")
    shutil.copy2(BEFORE / "mascotas.py", root / "app" / "declared")
    shutil.copy2(BEFORE / "0002_tabla_mascotas.py", root / "sql" / "migrations" / "versions")
    (settings.datos_dir / "mascotas.csv").write_text("mascota_id;cliente_id;nombre\n1;1;Toby\n")
    told = etl(root, settings, "run")
    assert told.returncode == 2
    assert told.stderr == (
        "Error: Hay 2 migraciones finales: «0002_tabla_mascotas.py» y «0002_descripciones.py».\nÚnalas: etl revision\n"
    )
    joined = etl(root, settings, "revision")
    assert joined.stdout.splitlines()[0] == "Escrito: sql/migrations/versions/0003_une.py", joined.stderr
    assert joined.stdout.splitlines()[1:-1] == ["Escrito: sql/migrations/versions/0004_cambia_mascotas.py"]
    assert etl(root, settings, "migrate").stdout == "Base de datos en la versión 0004_cambia_mascotas.\n"
    assert etl(root, settings, "run", "--quiet").returncode == 0
    assert query(settings, "SELECT nombre FROM datos.mascotas") == ["Toby"]
    assert query(settings, "SELECT importe_eur::text FROM datos.ventas ORDER BY venta_id") == ["0.95", "2.40"]
    assert "no hay nada que escribir" in etl(root, settings, "revision").stdout


NEXT = """revision, down_revision = "0003", "0002"


def upgrade():
    pass
"""


@pytest.mark.parametrize(
    ("own", "last"), [({}, "0004_cambia_mascotas"), ({"0003_mas.py": NEXT}, "0005_cambia_mascotas")]
)
def test_what_was_joined_also_makes_a_new_database(
    settings: Settings, root: Path, own: dict[str, str], last: str
) -> None:
    """La tabla propia apunta a una de la tienda, que por eso tiene que existir antes."""
    versions = root / "sql" / "migrations" / "versions"
    shutil.copy2(BEFORE / "mascotas.py", root / "app" / "declared")
    shutil.copy2(BEFORE / "0002_tabla_mascotas.py", versions)
    for name, text in own.items():
        (versions / name).write_text(text)
    assert etl(root, settings, "revision").returncode == 0
    with connect_settings(settings) as connection:
        connection.execute("DROP SCHEMA datos, etl CASCADE")
    done = etl(root, settings, "migrate")
    assert (done.returncode, done.stdout) == (0, f"Base de datos en la versión {last}.\n"), done.stderr
    assert query(settings, "SELECT to_regclass('datos.mascotas')::text") == ["mascotas"]
