"""Un fallo en lo que escribe quien usa el proyecto se le dice como suyo: archivo, línea, causa y qué hacer."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from etl.settings import Settings
from loader import environment
from own_project import own_project
from own_rows import query

Etl = Callable[..., subprocess.CompletedProcess[str]]

GOOD = '''"""Cosas. Grano: una fila por cosa."""

from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset


class Cosa(Dataset):
    """Un CSV."""

    __tablename__ = "cosas"
    files = "cosas*"

    cosa_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    nombre: Mapped[str | None]
'''
MISTAKES = {
    "falta un import": (GOOD.replace("import Mapped, mapped_column", "import Mapped"), 14, "Falta un import"),
    "sin clave": (GOOD.replace("primary_key=True, ", ""), 8, "primary_key=True"),
    "un tipo que no se admite": (GOOD.replace("Mapped[str | None]", "Mapped[complex]"), 8, "Ese tipo no se admite"),
    "un paréntesis sin cerrar": (GOOD.replace("autoincrement=False)", "autoincrement=False"), 14, "Cierre"),
    "la tabla de otro": (GOOD.replace('"cosas"', '"clientes"'), 8, "cambie uno de los dos"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return own_project(tmp_path / "proyecto")


@pytest.fixture
def etl(settings: Settings, root: Path) -> Etl:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = environment(settings, PYTHONPATH=str(root / "app"), SQL_DIR=str(root / "sql"))
        command = [sys.executable, "-m", "wiring", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=root)

    return run


@pytest.mark.parametrize(("text", "line", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_declaration_that_is_wrong(root: Path, etl: Etl, text: str, line: int, hint: str) -> None:
    path = root / "app" / "declared" / "cosas.py"
    path.write_text(text)
    done = etl("run")
    assert done.returncode == 2, done.stderr
    assert f"La declaración «{path}» está mal, línea {line}: " in done.stderr
    assert hint in done.stderr
    assert "fallo nuestro" not in done.stderr
    diagnosis = etl("doctor")
    assert diagnosis.returncode == 1
    assert "está mal, línea" in diagnosis.stdout


@pytest.mark.parametrize(
    ("parent", "kind", "hint"),
    [
        ("nadie.x", "NoReferencedTableError", "La clave foránea apunta a una tabla que no se declara"),
        ("cosas.cosa_id", "TypeError: la clave foránea apunta a su propia tabla", "Quite esa ForeignKey"),
    ],
)
def test_a_foreign_key_to_nothing_or_to_itself(root: Path, etl: Etl, parent: str, kind: str, hint: str) -> None:
    text = GOOD.replace("mapped_column\n", "mapped_column\nfrom sqlalchemy import ForeignKey\n", 1)
    text = text.replace(
        "nombre: Mapped[str | None]", f'otra: Mapped[int | None] = mapped_column(ForeignKey("{parent}"))'
    )
    (root / "app" / "declared" / "cosas.py").write_text(text)
    done = etl("run")
    assert done.returncode == 2
    assert f"cosas.py» está mal, línea 9: {kind}" in done.stderr
    assert hint in done.stderr


def test_a_mart_that_is_wrong_does_not_stop_the_others(root: Path, etl: Etl, settings: Settings) -> None:
    (root / "app" / "declared" / "cosas.py").write_text(GOOD)
    (settings.datos_dir / "cosas.csv").write_text("cosa_id,nombre\n1,a\n2,b\n")
    marts = root / "sql" / "marts"
    (marts / "a_mal.sql").write_text("-- Una fila.\nSELECT\n  conut(*) AS n\nFROM datos.cosas\n")
    (marts / "b_mal.sql").write_text("SELECT count(*) AS n\nFROM datos.cosas WHERE (nombre = 'a'\n")
    (marts / "c_mal.sql").write_text("SELECT nada FROM datos.cosas")
    (marts / "d_bien.sql").write_text("SELECT count(*) AS n FROM cosas")
    (marts / "e_dos.sql").write_text("SELECT 1 AS uno; DELETE FROM datos.cosas")
    assert etl("revision", "cosas").returncode == 0
    assert etl("migrate").returncode == 0
    done = etl("run")
    assert done.returncode == 3
    assert "sql/marts/a_mal.sql, línea 3: function conut() does not exist" in done.stderr
    assert "sql/marts/b_mal.sql, línea 2: syntax error" in done.stderr
    assert 'sql/marts/c_mal.sql, línea 1: column "nada" does not exist' in done.stderr
    assert "sql/marts/e_dos.sql: " in done.stderr
    assert done.stderr.count("Corríjalo y repita: etl run") == 4
    assert query(settings, "SELECT n FROM marts.d_bien") == query(settings, "SELECT count(*) FROM datos.cosas") == [2]
    assert query(settings, "SELECT count(*) FROM datos.cosas") == [2]


def test_the_cycle_of_a_declaration_has_no_dead_end(root: Path, etl: Etl, settings: Settings) -> None:
    """Declararla, cambiarla con filas ya cargadas, calcular una columna y quitarla: siempre las mismas dos órdenes."""
    declared, versions = root / "app" / "declared" / "cosas.py", root / "sql" / "migrations" / "versions"
    (settings.datos_dir / "cosas.csv").write_text("cosa_id,nombre\n1,a\n2,b\n")
    assert "no hay nada que escribir" in etl("revision", "nada").stdout
    declared.write_text(GOOD)
    for _ in range(2):
        assert etl("revision", "cosas").returncode == 0
        assert etl("migrate").returncode == 0
        assert etl("run").returncode == 0
    assert len(list(versions.glob("0003_*"))) == 1
    computed = GOOD.replace("import Dataset", "import Dataset, computed") + (
        "    largo: Mapped[int] = computed()\n\n"
        "    @staticmethod\n"
        "    def transform(cosas):\n"
        '        return cosas.assign(largo=cosas["nombre"].str.len())\n'
    )
    declared.write_text(computed)
    assert "etl" in etl("revision", "largo").stdout
    assert etl("migrate").returncode == 0
    assert "datos.cosas: su declaración ha cambiado desde que se cargó 1 archivo" in etl("status").stdout
    assert etl("run", "--again").returncode == 0
    assert query(settings, "SELECT cosa_id, largo FROM datos.cosas ORDER BY 1") == [(1, 1), (2, 1)]
    assert "su declaración ha cambiado" not in etl("status").stdout
    assert etl("revision", "obligatoria").returncode == 0
    assert etl("migrate").returncode == 0
    not_null = "SELECT is_nullable FROM information_schema.columns WHERE column_name = 'largo'"
    assert query(settings, not_null) == ["NO"]
    declared.unlink()
    assert etl("revision", "fuera").returncode == 0
    assert etl("migrate").returncode == 0
    assert query(settings, "SELECT to_regclass('datos.cosas')::text") == [None]
    assert etl("run").returncode == 0


TRANSFORM = (
    GOOD.replace("import Dataset", "import Dataset, computed")
    + """    largo: Mapped[int] = computed()

    @staticmethod
    def transform(cosas):
        {body}
"""
)


def declare(root: Path, etl: Etl, body: str) -> Path:
    path = root / "app" / "declared" / "cosas.py"
    path.write_text(TRANSFORM.replace("{body}", body))
    assert etl("revision", "cosas").returncode == 0
    assert etl("migrate").returncode == 0
    return path


def test_a_transformation_that_fails_stops_its_file_and_no_other(root: Path, etl: Etl, settings: Settings) -> None:
    path = declare(root, etl, 'return cosas.assign(largo=cosas["nmbre"].str.len())')
    (settings.datos_dir / "cosas.csv").write_text("cosa_id,nombre\n1,a\n2,b\n")
    (settings.datos_dir / "otra.csv").write_text("a,b\n1,2\n")
    done = etl("run")
    assert done.returncode == 3
    message = " ".join(done.stderr.split())
    assert "La transformación Cosa.transform (" in message
    assert f"{path.name}, línea 18): KeyError: 'nmbre', línea 20" in message.replace(str(path.parent) + "/", "")
    assert "Primera fila: línea 2." in message
    assert query(settings, "SELECT status FROM etl.loads ORDER BY file") == ["failed", "loaded"]
    assert query(settings, "SELECT count(*) FROM datos.cosas") == [0]


def test_rows_that_a_transformation_drops_are_not_faults(root: Path, etl: Etl, settings: Settings) -> None:
    declare(root, etl, 'return cosas[cosas["nombre"] != "b"].assign(largo=1)')
    (settings.datos_dir / "cosas.csv").write_text("cosa_id,nombre\n1,a\n2,b\nx,c\n")
    done = etl("run")
    assert done.returncode == 0, done.stderr
    assert "1 fila que descarta su transformación." in done.stdout
    assert "1 fila en cuarentena" in done.stdout
    counts = "SELECT rows_read, rows_loaded, rows_duplicate, rows_rejected FROM etl.loads"
    assert query(settings, counts) == [(3, 1, 0, 2)]
    corrected = settings.datos_dir / "salida_cosas.csv"
    assert etl("rejects", "cosas", "--csv", str(corrected)).returncode == 0
    header, *rows = corrected.read_text("utf-8-sig").splitlines()
    assert header.startswith("cosa_id,nombre,_archivo")
    assert [row.split(",")[:2] for row in rows] == [["x", "c"]]


def test_the_doctor_reads_the_marts_too(root: Path, etl: Etl, settings: Settings) -> None:
    marts = root / "sql" / "marts"
    (marts / "a_mal.sql").write_text("SELECT\n  conut(*) AS n\nFROM datos.tiendas\n-- hasta aquí")
    (marts / "b_mal.sql").write_text("SELECT * FROM otra.datos.tiendas")
    (marts / "c_mal.sql").write_bytes("SELECT 1 AS año".encode("latin-1"))
    (marts / "d_de_nadie.sql").write_text("SELECT * FROM nada")
    told = etl("doctor").stdout
    assert told.count("✖ marts") == 3
    for said in (
        "sql/marts/a_mal.sql, línea 2: function conut() does not exist",
        "sql/marts/b_mal.sql, línea 1: cross-database references are not implemented",
        "sql/marts/c_mal.sql: no está en UTF-8",
        'sql/marts/d_de_nadie.sql no se hará mientras falte lo que lee: relation "nada" does not exist',
    ):
        assert said in told
    assert query(settings, "SELECT tablename FROM pg_tables WHERE schemaname = 'marts'") == []
    ran = etl("run")
    assert ran.returncode == 3
    assert ran.stderr.count("✖ sql/marts/") == 3


@pytest.mark.parametrize(
    ("good", "bad", "cause", "hint"),
    [
        ('    files = "cosas*"\n', "", "has no attribute 'files'", 'files = "nombre*"'),
        ("Mapped[str | None]", "Mapped[time]", "el tipo Time() no se admite", "Use int, str, date"),
        ("Mapped[str | None]", 'Mapped[int] = mapped_column(ForeignKey("clientes.x"))', "'x'", "Corríjalo"),
    ],
)
def test_a_declaration_that_cannot_be_used(root: Path, etl: Etl, good: str, bad: str, cause: str, hint: str) -> None:
    path = root / "app" / "declared" / "cosas.py"
    imports = "from datetime import time\n\nfrom sqlalchemy import ForeignKey\n"
    text = GOOD.replace("from sqlalchemy.orm", f"{imports}from sqlalchemy.orm", 1).replace(good, bad)
    path.write_text(text)
    line = text.splitlines().index("class Cosa(Dataset):") + 1
    for command in ("status", "run"):
        told = etl(command)
        assert told.returncode == 2, told.stdout + told.stderr
        assert f"La declaración «{path}» está mal, línea {line}: " in told.stderr
        assert cause in told.stderr
        assert hint in told.stderr
        assert "fallo nuestro" not in told.stderr
    assert "✖ declaraciones" in etl("doctor").stdout
