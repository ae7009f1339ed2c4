"""Lo que tarda en importarse solo lo paga quien lo usa: pandas, quien transforma; Arrow, quien carga."""

from pathlib import Path

import pytest

from etl.settings import Settings
from loader import etl
from own_rows import query

DECLARATION = '''"""De todo: cada tipo y cada regla."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Le, MinLen
from sqlalchemy import ForeignKey, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset
from etl.dialect import Dialect
from etl.schema import Pattern


class Madre(Dataset):
    __tablename__ = "madres"
    files = "madres*"

    madre_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(primary_key=True, autoincrement=False)


class Todo(Dataset):
    __tablename__ = "todos"
    files = "todos*"
    dialect = Dialect(date_format="%d/%m/%y", decimal=",", thousands=".")

    todo_id: Mapped[Annotated[int, Ge(1)]] = mapped_column(primary_key=True, autoincrement=False)
    madre_id: Mapped[int] = mapped_column(ForeignKey("madres.madre_id"))
    importe: Mapped[Annotated[Decimal, Ge(0), Le(999.5)]] = mapped_column(Numeric(9, 2))
    real: Mapped[Annotated[float, Le(1)]]
    activo: Mapped[bool]
    dia: Mapped[Annotated[date, Ge(date(1990, 1, 1))]]
    canal: Mapped[Literal["web", "tienda"]]
    texto: Mapped[Annotated[str, MinLen(2), Pattern("^[a-z]+$", "abc")]] = mapped_column(String(5))
'''
TRANSFORM = """
    @staticmethod
    def transform(todos):
        return todos
"""
HEADER = "todo_id,madre_id,importe,real,activo,dia,canal,texto"
GOOD = '{},1,"1.0,5","0,5",sí,31/12/99,web,abc'
# Filas que se apartan, cada una por un motivo.
BAD = (
    '2,9,"1,5","0,5",no,31/12/99,web,abc',
    'x,1,"1,5","0,5",no,31/12/99,web,abc',
    '3,1,"-1,5","0,5",no,31/12/99,web,abc',
    '3,1,"1,5","1,5",quizá,31/02/99,fax,a',
    '3,1,"1,5",0,no,31/12/89,web,abcdef',
    "3,1,1",
    '3,1,"1,5"x,0,no,31/12/89,web,abc',
    HEADER,
)


@pytest.fixture
def declaration(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "todo.py"
    path.write_text(DECLARATION)
    (settings.datos_dir / "madres.csv").write_text("madre_id\n1\n")
    rows = (GOOD.format(1).replace("1.0,5", "10,5"), GOOD.format(1).replace("1.0,5", "10,5"), *BAD)
    (settings.datos_dir / "todos.csv").write_text("\n".join((HEADER, *rows, ",,,,,,,", "")))
    return path


def imported(settings: Settings, *arguments: str) -> set[str]:
    """Los módulos que importa una orden."""
    done = etl(settings, *arguments, PYTHONPROFILEIMPORTTIME="1", PYTHONDONTWRITEBYTECODE="")
    assert done.returncode == 0, done.stderr
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_a_load_without_transformation_does_not_import_pandas(settings: Settings, declaration: Path) -> None:
    modules = imported(settings, "run", "--datasets", str(declaration))
    assert "pyarrow" in modules
    assert "pandas" not in modules
    counts = "SELECT rows_read, rows_loaded, rows_duplicate, rows_rejected FROM etl.loads WHERE file = 'todos.csv'"
    assert query(settings, counts) == [(2 + len(BAD), 1, 1, len(BAD))]


def test_with_a_transformation_it_does(settings: Settings, declaration: Path) -> None:
    declaration.write_text(DECLARATION + TRANSFORM)
    assert "pandas" in imported(settings, "run", "--datasets", str(declaration))


@pytest.mark.parametrize("command", ["migrate", "status", "rejects"])
def test_what_loads_nothing_does_not_import_it(settings: Settings, command: str) -> None:
    assert "pandas" not in imported(settings, command)


def test_the_help_does_not_import_what_loads_need(settings: Settings) -> None:
    modules = imported(settings, "--help")
    assert "typer" in modules
    assert not modules & {"numpy", "pyarrow", "psycopg", "sqlalchemy", "rich"}


def test_a_quiet_load_does_not_wait_for_what_draws_tables(settings: Settings, declaration: Path) -> None:
    assert "rich" not in imported(settings, "run", "--quiet", "--datasets", str(declaration))
