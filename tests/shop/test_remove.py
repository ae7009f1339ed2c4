"""`make mine`: lo que quita, lo que no toca, y el proyecto que queda."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compose.stack import fresh_copy
from docs.markdown import Block, blocks, check
from etl.settings import ROOT
from shop.conftest import ELSEWHERE, WITHOUT_THE_SHOP
from support import temporary_local_dir

SHOP_WORDS = re.compile(r"\b(?:clientes|productos|tiendas|ventas)\b|etl generate", re.I)
Order = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def clone() -> Iterator[Path]:
    """Un clon recién hecho, con todo guardado en su git, donde otro usuario puede leerlo: alguna prueba lo pide."""
    with temporary_local_dir() as parent:
        folder = fresh_copy(parent / "proyecto")
        who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com")
        for arguments in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "La plantilla")):
            subprocess.run(["git", *arguments], cwd=folder, check=True)
        yield folder


@pytest.fixture
def environment(clone: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """El entorno activado de ese clon, sin instalar nada otra vez, y un servidor propio que se para al acabar."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "etl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wiring "$@"\n')
    (programs / "etl").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "ETL_", "PG", "MAKE"))}
    with temporary_local_dir() as local_dir:
        environ = kept | {
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(clone / "app"),
            "ETL_LOCAL_DIR": str(local_dir),
            "COLUMNS": "90",
        }
        try:
            yield environ
        finally:
            subprocess.run(["etl", "db", "stop"], env=environ, cwd=clone, capture_output=True, check=False)


@pytest.fixture
def order(clone: Path, environment: dict[str, str]) -> Order:
    """Una orden en el clon, con lo que contesta."""

    def run(*command: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=clone, env=environment, input=answer, capture_output=True, text=True, check=False
        )

    return run


def remove(order: Order, *options: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    return order(sys.executable, "shop/remove.py", *options, answer=answer)


def saved(order: Order) -> str:
    return order("git", "status", "--porcelain").stdout


# --- Lo que no toca ------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_it_asks_before_it_deletes(order: Order, answer: str) -> None:
    done = remove(order, answer=answer)
    assert (done.returncode, saved(order)) == (1, "")
    assert "¿Seguir? (s/n)" in done.stdout
    assert done.stdout.endswith("No se ha tocado nada.\n")


@pytest.mark.parametrize(
    "name", ["datos/clientes.csv", "README.md", "sql/marts/productos_top.sql", "tests/shop/test_mio.py"]
)
def test_it_refuses_to_delete_what_is_not_saved(order: Order, clone: Path, name: str) -> None:
    with (clone / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    before = saved(order)
    done = remove(order, "--yes")
    assert (done.returncode, saved(order)) == (1, before)
    assert f"  {name} tiene cambios sin guardar: git commit" in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "used"),
    [
        ("app/declared/mio.py", 'ForeignKey("productos.producto_id")', "productos"),
        ("app/declared/mio.py", "from declared.ventas import Venta", "ventas"),
        ("sql/marts/mio.sql", "SELECT count(*) FROM datos.tiendas", "tiendas"),
        ("sql/migrations/versions/0003_mia.py", '["datos.clientes.cliente_id"]', "clientes"),
        ("sql/migrations/versions/0003_une.py", 'down_revision = ("0002", "0002_tienda")', "0002_tienda"),
    ],
)
def test_it_refuses_when_something_else_leans_on_the_shop(
    order: Order, clone: Path, name: str, text: str, used: str
) -> None:
    (clone / name).write_text(text)
    done = remove(order, "--yes")
    assert done.returncode == 1
    assert f"  {name} usa «{used}», que es de la tienda: quítelo de ahí y repita" in done.stdout
    assert (clone / "app" / "declared" / "ventas.py").exists()


def test_without_git_it_warns_and_asks(order: Order, clone: Path) -> None:
    shutil.rmtree(clone / ".git")
    done = remove(order, answer="s\n")
    assert done.returncode == 0
    assert "no está en git; lo que se borre no se podrá recuperar" in done.stdout
    assert not (clone / "shop").exists()


def test_what_is_not_of_the_shop_stays_and_follows_the_first_migration(order: Order, clone: Path) -> None:
    kept = {
        "app/declared/mio.py": "",
        "sql/marts/mio.sql": "SELECT 1 AS uno",
        "datos/mio.csv": "a\n1\n",
        "spark/jobs/mio.py": "",
        "tests/project/test_mio.py": "",
    }
    for name, text in kept.items():
        (clone / name).write_text(text)
    migration = clone / "sql" / "migrations" / "versions" / "0003_mia.py"
    migration.write_text('revision = "0003_mia"\ndown_revision = "0002_tienda"\n')
    assert remove(order, "--yes").returncode == 0
    assert {name: (clone / name).read_text() for name in kept} == kept
    assert migration.read_text() == 'revision = "0003_mia"\ndown_revision = "0001"\n'


# --- Lo que queda --------------------------------------------------------------------------


def test_nothing_that_stays_names_the_shop(order: Order, clone: Path) -> None:
    done = remove(order, "--yes")
    assert done.returncode == 0
    assert "docs/hagala-suya.md" in done.stdout
    assert 'etl revision "quitar la tienda"' in done.stdout
    for folder in ("app", "sql", "spark", "docker", "datos"):
        for path in (clone / folder).rglob("*"):
            if path.suffix in (".py", ".sql", ".sh", ".md", ".conf", ".mako"):
                assert not SHOP_WORDS.search(path.read_text(encoding="utf-8")), path
    assert sorted(path.name for path in (clone / "datos").iterdir()) == ["README.md", "salida"]
    assert len((clone / "README.md").read_text(encoding="utf-8").splitlines()) <= 60
    assert not (clone / "shop").exists()
    assert "mine" not in (clone / "Makefile").read_text(encoding="utf-8")
    for name in (".dockerignore", "Dockerfile", "pyproject.toml", "app/wiring.py"):
        assert not re.search("shop|tienda|generate[^-d]", (clone / name).read_text(encoding="utf-8")), name
    assert "tienda -->" not in "".join(path.read_text("utf-8") for path in (clone / "docs").glob("*.md"))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_tests_that_stay_pass_and_the_orders_work(order: Order, clone: Path) -> None:
    """Todas las que quedan, salvo las de Docker, Spark y los demás Python, que solo se recogen.

    Esas trabajan sobre copias con lo que declaran las pruebas, y harían lo mismo durante otros veinte minutos. Las demás
    pasan aquí con un PostgreSQL; y en la pasada de la que esta es parte, solo con el otro (conftest.py): entre las dos se
    tarda lo que se tardaba.
    """
    assert remove(order, "--yes").returncode == 0
    lint = [order("ruff", "check", "."), order("ruff", "format", "--check", ".")]
    assert [one.returncode for one in lint] == [0, 0], lint
    collected = order(sys.executable, "-m", "pytest", "-q", "--collect-only")
    assert collected.returncode == 0, collected.stdout
    stay = ("-m", f"not ({' or '.join(ELSEWHERE)})", "--pg", WITHOUT_THE_SHOP, "-n", "logical", "--maxprocesses", "4")
    done = order("env", "-u", "COLUMNS", sys.executable, "-m", "pytest", "-q", *stay)
    assert done.returncode == 0, done.stdout
    for command in ("run", "status", "rejects", "report"):
        ran = order("etl", command)
        assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
    assert "generate" not in order("etl", "--help").stdout
    datos = [line for line in order("etl", "doctor").stdout.splitlines() if "no hay archivos en" in line]
    assert len(datos) == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_database_that_holds_the_shop_goes_on_with_one_more_migration(order: Order) -> None:
    tables = ("etl", "db", "psql", "-c", "SELECT tablename FROM pg_tables WHERE schemaname = 'datos'")
    assert order("etl", "run", "--quiet").returncode == 0
    assert "ventas" in order(*tables).stdout
    assert remove(order, "--yes").returncode == 0
    first = order("etl", "run")
    assert first.returncode != 0
    assert "etl revision" in first.stderr
    for command in (("revision", "quitar la tienda"), ("migrate",), ("run",), ("report",)):
        done = order("etl", *command)
        assert done.returncode == 0, done.stderr
    assert "(0 rows)" in order(*tables).stdout


OWN = '''"""Mediciones. Grano: una por lectura."""

from decimal import Decimal

from sqlalchemy import Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset, computed


class Medicion(Dataset):
    """Un CSV del laboratorio."""

    __tablename__ = "mediciones"
    files = "mediciones*"

    medicion_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sensor: Mapped[str] = mapped_column(String(20))
    grados: Mapped[Decimal] = mapped_column(Numeric(6, 2))
    kelvin: Mapped[Decimal] = computed(Numeric(6, 2))

    @staticmethod
    def transform(mediciones):
        kelvin = mediciones["grados"] + Decimal("273.15")
        return mediciones.assign(sensor=mediciones["sensor"].str.strip().str.upper(), kelvin=kelvin)
'''


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_new_data_set_with_a_transformation_is_the_same_on_both_engines(
    order: Order, clone: Path, java: None
) -> None:
    assert remove(order, "--yes").returncode == 0
    (clone / "app" / "declared" / "mediciones.py").write_text(OWN, encoding="utf-8")
    for command in (("revision",), ("migrate",)):
        assert order("etl", *command).returncode == 0
    for number, engine in enumerate(("local", "spark"), start=1):
        file = clone / "datos" / f"mediciones_{number}.csv"
        file.write_text(f"medicion_id,sensor,grados\n{number}0, ab ,21.50\n{number}1,cd,x\n")
        done = order("etl", "run", "--engine", engine, str(file), "--quiet")
        assert done.returncode == 0, done.stderr
    query = "SELECT engine, sensor, kelvin, rows_rejected FROM datos.mediciones JOIN etl.loads ON load_id = _load_id"
    found = order("etl", "db", "psql", "-At", "-c", f"{query} ORDER BY 1").stdout
    assert found.splitlines() == ["local|AB|294.65|1", "spark|AB|294.65|1"]


# --- La página ------------------------------------------------------------------------------


def without_installing(step: Block) -> str:
    """`make test` con lo que ya está instalado aquí: prepararlo todo otra vez serían varios minutos."""
    return step.code.replace("make test ARGS=", f"{sys.executable} -m pytest ")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("beside", [False, True], ids=["in place of the shop", "beside it"])
def test_the_page_that_makes_it_yours(clone: Path, environment: dict[str, str], beside: bool) -> None:
    if shutil.which("make") is None:
        pytest.skip("falta make")
    for step in blocks((ROOT / "docs" / "hagala-suya.md").read_text(encoding="utf-8")):
        if step.note == "en lugar de la tienda" and beside:
            continue
        # La 0002 es la de la tienda: junto a ella, las de la página son las siguientes.
        output = re.sub(r"000([2-5])", lambda it: f"000{int(it[1]) + 1}", step.output) if beside else step.output
        check(Block(without_installing(step), output, step.note, step.line), clone, environment)
