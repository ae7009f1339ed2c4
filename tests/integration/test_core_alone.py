"""El núcleo se vale solo: sin extras/ ni wiring.py carga lo declarado con el mismo resultado que con todo."""

import shutil
import subprocess
import sys
from pathlib import Path

from etl.settings import Settings
from loader import environment
from own_project import own_project
from own_rows import query
from own_sample import write_sample
from spark.parity import assert_equal, clear, state
from support import ServerAddress


def etl(root: Path, settings: Settings, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = environment(settings, PYTHONPATH=str(root / "app"), SQL_DIR=str(root / "sql"))
    command = [sys.executable, "-m", program, *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=root)


def leave_the_core_alone(root: Path) -> None:
    """Sin lo que lo acompaña, ni lo del proyecto que prueba, que está instalado y se encontraría en su lugar."""
    shutil.rmtree(root / "app" / "extras")
    for name in ("extras", "wiring"):
        (root / "app" / f"{name}.py").write_text("raise ImportError('el núcleo está solo')\n")


def test_the_core_loads_the_same_without_what_accompanies_it(
    settings: Settings, database: ServerAddress, tmp_path: Path
) -> None:
    root = own_project(tmp_path / "proyecto")
    expected = write_sample(settings.datos_dir, 2400, every=20)
    whole = etl(root, settings, "wiring", "run", "--json")
    assert whole.returncode == 0, whole.stderr
    with_everything = state(database)
    clear(database)
    leave_the_core_alone(root)
    assert etl(root, settings, "etl", "migrate").returncode == 0
    current = etl(root, settings, "alembic", "-c", "sql/alembic.ini", "current")
    assert (current.returncode, "(head)" in current.stdout) == (0, True), current.stderr
    alone = etl(root, settings, "etl", "run")
    assert alone.returncode == 0, alone.stderr
    assert_equal(with_everything, state(database))
    assert set(query(settings, "SELECT file, rows_read, rows_loaded FROM etl.loads")) == {
        (name, one.rows_read, one.rows_loaded) for name, one in expected.items()
    }


def test_alone_it_says_what_it_cannot_do_and_shows_the_rest_in_plain_text(settings: Settings, tmp_path: Path) -> None:
    root = own_project(tmp_path / "proyecto")
    leave_the_core_alone(root)
    write_sample(settings.datos_dir, 240, every=20)
    (settings.datos_dir / "otro.csv").write_text("a;b\n1;2\n")
    (settings.datos_dir / "ventas_libro.xlsx").write_bytes(b"PK")
    run = etl(root, settings, "etl", "run")
    assert run.returncode == 3
    assert "✖ otro.csv: Ninguna declaración encaja con su nombre." in run.stderr
    assert "✖ ventas_libro.xlsx: Formato «.xlsx» desconocido." in run.stderr
    assert "cargado clientes.csv: " in run.stdout
    assert run.stdout.splitlines()[-1] == "Siga con: python -m etl status"
    status = etl(root, settings, "etl", "status")
    assert (status.returncode, status.stderr) == (0, "")
    assert f"datos.ventas: {query(settings, 'SELECT count(*) FROM datos.ventas')[0]} filas" in status.stdout
    rejects = etl(root, settings, "etl", "rejects", "ventas")
    assert (rejects.returncode, rejects.stderr) == (0, "")
    assert "datos.ventas: " in rejects.stdout
    export = etl(root, settings, "etl", "rejects", "ventas", "--csv", "x.csv")
    assert (export.returncode, "--csv" in export.stderr) == (2, True)
