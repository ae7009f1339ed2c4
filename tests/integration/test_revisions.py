"""El ciclo de una declaración: `etl revision` escribe la migración que haga falta y `etl migrate` la aplica.

Con un proyecto que aún no declara nada, como el de quien ha quitado el ejemplo.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from etl.settings import ROOT, Settings
from loader import environment
from own_rows import query
from support import connect_settings

Etl = Callable[..., subprocess.CompletedProcess[str]]

NOTHING = "Las tablas ya son como se declaran: no hay nada que escribir.\n"
COSA = '''"""Cosas. Grano: una fila por cosa."""

from typing import Annotated

from annotated_types import Ge
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from etl.dataset import Dataset


class Cosa(Dataset):
    """Un CSV."""

    __tablename__ = "cosas"
    files = "cosas*"

    cosa_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
'''


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    """Una copia del proyecto sin ninguna declaración, con su base de datos sin estrenar."""
    root = tmp_path / "proyecto"
    for name in ("app", "sql"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for pattern in ("app/declared/[!_]*.py", "sql/marts/*.sql", "sql/migrations/versions/000[2-9]*.py"):
        for path in root.glob(pattern):
            path.unlink()
    with connect_settings(settings) as connection:
        connection.execute("DROP SCHEMA datos, etl CASCADE")
    return root


@pytest.fixture
def etl(settings: Settings, root: Path) -> Etl:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = environment(settings, PYTHONPATH=str(root / "app"), SQL_DIR=str(root / "sql"))
        command = [sys.executable, "-m", "wiring", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=root)

    return run


@pytest.fixture
def done(etl: Etl) -> Callable[..., str]:
    """Una orden que tiene que salir bien; devuelve lo que dice."""

    def run(*arguments: str) -> str:
        completed = etl(*arguments)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    return run


Done = Callable[..., str]


def declare(root: Path, text: str, name: str = "cosas") -> Path:
    path = root / "app" / "declared" / f"{name}.py"
    path.write_text(text)
    return path


def write(settings: Settings, text: str, name: str = "cosas") -> Path:
    path = settings.datos_dir / f"{name}.csv"
    path.write_text(text)
    return path


def versions(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "sql" / "migrations" / "versions").glob("*.py"))


def migration(root: Path, name: str) -> Path:
    return root / "sql" / "migrations" / "versions" / f"{name}.py"


def child(name: str, parent: str = "cosas") -> str:
    """Otra declaración, que apunta a la primera."""
    text = COSA.replace("Cosa(", f"{name.capitalize()}(").replace('"cosas', f'"{name}')
    return text + f'    madre: Mapped[int | None] = mapped_column(ForeignKey("{parent}.cosa_id"))\n'


# --- Lo que se dice de las tablas ------------------------------------------------------------


def test_a_change_of_what_is_said_is_a_migration_and_no_reason_to_read_again(
    settings: Settings, root: Path, done: Done
) -> None:
    """Una descripción se escribe una vez, en la declaración, y llega a una base de datos que ya tiene la tabla."""
    declare(root, COSA + "    color: Mapped[str | None]\n")
    done("revision", "cosas")
    write(settings, "cosa_id,color\n1,rojo\n")
    done("run")
    text = COSA.replace("Cosas. Grano: una fila por cosa.", "Lo que hay,\ncon «comillas» y 100 %.\n\nOtro párrafo.")
    declare(root, text + '    color: Mapped[str | None] = mapped_column(comment="el de fuera")\n')
    assert done("revision").startswith("Escrito: sql/migrations/versions/0003_cambia_cosas.py\n")
    done("migrate")
    said = "SELECT obj_description('datos.cosas'::regclass), col_description('datos.cosas'::regclass, 2)"
    assert query(settings, said) == [("Lo que hay, con «comillas» y 100 %.", "el de fuera")]
    assert done("revision") == NOTHING
    assert "su declaración ha cambiado" not in done("status")
    declare(root, COSA.replace('"""Cosas. Grano: una fila por cosa."""', "") + "    color: Mapped[str | None]\n")
    done("revision")
    done("migrate")
    assert query(settings, said) == [("Un CSV.", None)]
    apart = COSA.replace("    files =", '    __table_args__ = {"comment": "Aparte."}\n    files =')
    declare(root, apart + "    color: Mapped[str | None]\n")
    done("revision")
    done("migrate")
    assert query(settings, said) == [("Aparte.", None)]


# --- De la nada ------------------------------------------------------------------------------


def test_a_project_without_declarations_gets_its_first(settings: Settings, root: Path, etl: Etl, done: Done) -> None:
    path = write(settings, "id;nombre\n1;a\n2;b\n")
    assert done("run", "--quiet") == ""
    assert query(settings, "SELECT count(*) FROM staging.cosas") == [2]
    assert done("new", str(path)).splitlines()[:2] == [
        "Escrito: app/declared/cosas.py",
        "Escrito: sql/migrations/versions/0002_tabla_cosas.py",
    ]
    assert done("migrate") == "Base de datos en la versión 0002_tabla_cosas.\n"
    done("run")
    assert query(settings, "SELECT id, nombre FROM datos.cosas ORDER BY 1") == [(1, "a"), (2, "b")]
    assert done("revision") == NOTHING
    again = etl("new", str(path))
    assert (again.returncode, again.stderr) == (
        2,
        "Error: La tabla «cosas» ya está declarada en «app/declared/cosas.py».\n"
        "Corríjala ahí y escriba su migración («etl revision»); o borre ese archivo y repita la orden.\n",
    )


def test_new_says_where_a_table_is_declared_under_another_name(settings: Settings, root: Path, etl: Etl) -> None:
    declare(root, COSA, "lo_mio")
    told = etl("new", str(write(settings, "id;nombre\n1;a\n")))
    assert told.returncode == 2
    assert "La tabla «cosas» ya está declarada en «app/declared/lo_mio.py»." in told.stderr
    assert not (root / "app" / "declared" / "cosas.py").exists()


def test_a_declaration_written_again_finds_its_table_there(settings: Settings, root: Path, done: Done) -> None:
    path = write(settings, "id;nombre\n1;a\n")
    done("new", str(path))
    done("migrate")
    done("run")
    (root / "app" / "declared" / "cosas.py").unlink()
    assert done("new", str(path)).splitlines()[0] == "Escrito: app/declared/cosas.py"
    assert versions(root) == ["0001_registro.py", "0002_tabla_cosas.py"]
    assert query(settings, "SELECT id FROM datos.cosas") == [1]


def test_a_table_dropped_and_declared_again_is_loaded_again(settings: Settings, root: Path, done: Done) -> None:
    path = write(settings, "id;nombre\n1;a\n")
    for _ in range(2):
        done("new", str(path))
        done("migrate")
        done("run")
        assert query(settings, "SELECT id FROM datos.cosas") == [1]
        (root / "app" / "declared" / "cosas.py").unlink()
        done("revision")
        done("migrate")
        assert query(settings, "SELECT to_regclass('datos.cosas')::text") == [None]
    assert versions(root)[1:] == [
        "0002_tabla_cosas.py",
        "0003_quita_cosas.py",
        "0004_tabla_cosas.py",
        "0005_quita_cosas.py",
    ]


def test_a_migration_that_takes_rows_away_is_applied_only_when_asked(
    settings: Settings, root: Path, etl: Etl, done: Done
) -> None:
    other = write(settings, "id;nombre\n1;a\n", "otras")
    done("new", str(write(settings, "id;nombre\n1;a\n")))
    done("migrate")
    done("run")
    (root / "app" / "declared" / "cosas.py").unlink()
    done("revision")
    for order in ("revision", "run", "new"):
        refused = etl(order, *([str(other)] if order == "new" else []))
        assert refused.returncode == 2
        assert "«0003_quita_cosas.py» borra datos. Revísela y aplíquela: etl migrate" in " ".join(
            refused.stderr.split()
        )
        assert query(settings, "SELECT id FROM datos.cosas") == [1]
    assert versions(root)[1:] == ["0002_tabla_cosas.py", "0003_quita_cosas.py"]
    done("migrate")
    assert done("revision") == NOTHING
    assert query(settings, "SELECT to_regclass('datos.cosas')::text") == [None]


# --- Lo que se cambia con filas dentro --------------------------------------------------------


def test_a_table_that_is_not_as_declared_is_told_with_the_command_that_mends_it(
    settings: Settings, root: Path, etl: Etl, done: Done
) -> None:
    declare(root, COSA)
    write(settings, "cosa_id\n1\n")
    told = " ".join(etl("run").stderr.split())
    assert 'La tabla no es como se declara: relation "datos.cosas" does not exist' in told
    assert "aplíquela: «etl revision» y «etl migrate»." in told
    assert "falta una migración\n  → etl revision\n" in etl("doctor").stdout
    done("revision")
    assert "→ etl migrate\n" in etl("doctor").stdout
    done("migrate")
    done("run")
    assert "declaraciones" not in etl("doctor").stdout


def test_a_required_column_waits_until_the_rows_have_it(settings: Settings, root: Path, etl: Etl, done: Done) -> None:
    declare(root, COSA)
    write(settings, "cosa_id,precio\n1,10\n2,20\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    declare(root, COSA + "    precio: Mapped[Annotated[int, Ge(1)]]\n")
    done("revision")
    written = migration(root, "0003_cambia_cosas").read_text()
    assert written.startswith(
        '"""cambia cosas.\n\nQueda algo por hacer:\n'
        "- hay filas sin valor en «precio», que por eso admite nulos de momento.\n"
        "«etl run --again» lee los archivos otra vez con lo que se declara ahora; después, «etl revision».\n"
        '"""\n'
    )
    assert "nullable=True" in written
    done("migrate")
    waiting = etl("revision")
    assert (waiting.returncode, waiting.stderr.splitlines()) == (
        2,
        [
            "Error: Aún no se puede escribir la migración: hay filas sin valor en «precio», que por eso admite"
            " nulos de momento.",
            "«etl run --again» lee los archivos otra vez con lo que se declara ahora; después, «etl revision».",
        ],
    )
    assert "hay filas sin valor en «precio»" in " ".join(etl("doctor").stdout.split())
    done("run", "--again")
    done("revision")
    assert "nullable=False" in migration(root, "0004_cambia_cosas").read_text()
    done("migrate")
    assert query(
        settings,
        "SELECT is_nullable FROM information_schema.columns WHERE (table_name, column_name) = ('cosas', 'precio')",
    ) == ["NO"]
    assert query(settings, "SELECT cosa_id, precio FROM datos.cosas ORDER BY 1") == [(1, 10), (2, 20)]
    assert done("revision") == NOTHING


INDEXES = (
    "SELECT c.relname FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid"
    " WHERE indrelid = 'datos.cosas'::regclass ORDER BY 1"
)
CHECK = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid = 'datos.cosas'::regclass"


def test_a_rule_that_changes_changes_its_check(settings: Settings, root: Path, etl: Etl, done: Done) -> None:
    ruled = COSA + "    precio: Mapped[Annotated[int, Ge({})]]\n"
    declare(root, ruled.format(1))
    write(settings, "cosa_id,precio\n1,1\n2,20\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    declare(root, ruled.format(5))
    done("revision")
    assert "no cumplen la regla «ck_cosas_precio»" in migration(root, "0003_cambia_cosas").read_text()
    done("migrate")
    assert query(settings, CHECK) == []
    assert "no cumplen la regla «ck_cosas_precio»" in etl("revision").stderr
    done("run", "--again")
    done("revision")
    done("migrate")
    assert query(settings, CHECK) == ["CHECK ((precio >= 5))"]
    declare(root, ruled.format(0))
    assert "La tabla no es como se declara" in " ".join(etl("run", "--again").stderr.split())
    done("revision")
    done("migrate")
    assert query(settings, CHECK) == ["CHECK ((precio >= 0))"]
    done("run", "--again")
    assert query(settings, "SELECT precio FROM datos.cosas ORDER BY 1") == [1, 20]
    assert done("revision") == NOTHING


def test_an_index_and_what_does_not_repeat_are_written_once(
    settings: Settings, root: Path, etl: Etl, done: Done
) -> None:
    declare(
        root,
        COSA.replace("ForeignKey\n", "ForeignKey, Index, UniqueConstraint\n")
        + '    __table_args__ = (UniqueConstraint("zona", "caja"), Index(None, "caja", "zona"))\n'
        "    zona: Mapped[str] = mapped_column(index=True)\n"
        "    caja: Mapped[int] = mapped_column()\n",
    )
    write(settings, "cosa_id,zona,caja\n1,norte,1\n2,norte,2\n3,sur,2\n")
    done("revision")
    assert versions(root)[-1] == "0002_tabla_cosas.py"
    for command in ("migrate", "run"):
        done(command)
    assert done("revision") == NOTHING
    assert query(settings, INDEXES) == [
        "ix_datos_cosas_caja_datos_cosas_zona", "ix_datos_cosas_zona", "pk_cosas", "uq_cosas_zona_caja",
    ]  # fmt: skip
    write(settings, "cosa_id,zona,caja\n4,norte,1\n", "cosas_otras")
    refused = etl("run")
    said = " ".join(refused.stderr.split())
    assert refused.returncode == 3
    assert "Se repite un valor que se declaró único" in said
    assert "(zona, caja)=(norte, 1)" in said


@pytest.mark.parametrize(
    "asked",
    [
        'UniqueConstraint("zona")',
        'Index("otro", "zona", unique=True)',
        'Index("otro", func.upper(text("zona")), unique=True)',
        'Index("otro", text("upper(zona)"), unique=True)',
        'Index("otro", "caja", unique=True, postgresql_nulls_not_distinct=True)',
        'Index("otro", "zona", unique=True, postgresql_where=text("caja IS NULL"))',
    ],
)
def test_nothing_is_written_while_something_repeats(
    settings: Settings, root: Path, etl: Etl, done: Done, asked: str
) -> None:
    text = COSA.replace("ForeignKey\n", "ForeignKey, Index, UniqueConstraint, func, text\n") + (
        "    zona: Mapped[str] = mapped_column(index=True)\n    caja: Mapped[int | None]\n"
    )
    declare(root, text)
    write(settings, "cosa_id,zona,caja\n1,norte,1\n2,norte,\n3,norte,\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    written = versions(root)
    text += "    nueva: Mapped[int | None]\n"
    declare(root, text + f"    __table_args__ = ({asked},)\n")
    for _ in range(2):
        refused = etl("revision")
        assert refused.returncode == 2
        assert "Aún no se puede escribir la migración: hay filas que repiten lo que «" in refused.stderr
    assert versions(root) == written
    write(settings, "cosa_id,zona,caja\n1,norte,1\n2,sur,\n3,este,3\n")
    declare(root, text)
    for command in ("revision", "migrate", "run"):
        done(command)
    declare(root, text + f"    __table_args__ = ({asked},)\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    assert len(query(settings, INDEXES)) == 3
    assert done("revision") == NOTHING


def test_an_index_is_not_taken_away_while_the_one_that_replaces_it_is_not_possible(
    settings: Settings, root: Path, etl: Etl, done: Done
) -> None:
    """Los dos se llaman igual."""
    text = COSA + "    zona: Mapped[str] = mapped_column({})\n"
    declare(root, text.format("index=True"))
    write(settings, "cosa_id,zona\n1,norte\n2,norte\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    declare(root, text.format("index=True, unique=True"))
    assert "repiten lo que «ix_datos_cosas_zona» no admite" in etl("revision").stderr
    write(settings, "cosa_id,zona\n1,norte\n2,sur\n")
    for command in ("run", "revision", "migrate"):
        done(command)
    unique = "SELECT indisunique FROM pg_index WHERE indexrelid = 'datos.ix_datos_cosas_zona'::regclass"
    assert query(settings, unique) == [True]
    assert done("revision") == NOTHING


def test_a_partial_index_minds_only_its_rows_and_nulls_do_not_repeat(
    settings: Settings, root: Path, done: Done
) -> None:
    text = COSA.replace("ForeignKey\n", "ForeignKey, Index, text\n") + "    zona: Mapped[str | None]\n"
    declare(root, text)
    write(settings, "cosa_id,zona\n1,norte\n2,norte\n3,\n4,\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    partial = 'Index("otro", "zona", unique=True, postgresql_where=text("cosa_id > 1"))'
    declare(root, text + f"    __table_args__ = ({partial},)\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    assert query(settings, INDEXES) == ["otro", "pk_cosas"]
    assert done("revision") == NOTHING


def test_an_index_is_no_reason_to_read_again(settings: Settings, root: Path, done: Done) -> None:
    declare(root, COSA + "    zona: Mapped[str]\n")
    write(settings, "cosa_id,zona\n1,norte\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    declare(root, COSA + "    zona: Mapped[str] = mapped_column(index=True)\n")
    for command in ("revision", "migrate", "run"):
        done(command)
    assert "ha cambiado" not in done("status")


def test_tables_are_dropped_children_first_and_what_stays_lets_go_of_them(
    settings: Settings, root: Path, done: Done
) -> None:
    names = ["cosas", "hijas", "nietas", "bisnietas", "ultimas"]
    declare(root, COSA)
    for parent, name in pairwise(names):
        declare(root, child(name, parent), name)
    declare(root, child("otras"), "otras")
    done("revision")
    done("migrate")
    for name in names:
        (root / "app" / "declared" / f"{name}.py").unlink()
    stays = child("otras").replace('mapped_column(ForeignKey("cosas.cosa_id"))', "mapped_column()")
    declare(root, stays, "otras")
    done("revision", "fuera")
    done("migrate")
    assert query(settings, "SELECT tablename FROM pg_tables WHERE schemaname = 'datos'") == ["otras"]
    up, down = migration(root, "0003_fuera").read_text().split("def downgrade")
    assert re.findall(r"op.drop_table\('(\w+)'", up) == names[::-1]
    assert re.findall(r"op.create_table\('(\w+)'", down) == names
    assert done("revision") == NOTHING


# --- Lo que les pasa a las migraciones --------------------------------------------------------


def test_an_applied_migration_that_was_deleted_comes_back(settings: Settings, root: Path, etl: Etl, done: Done) -> None:
    path = write(settings, "id;nombre\n1;a\n")
    done("new", str(path))
    done("migrate")
    applied = migration(root, "0002_tabla_cosas")
    text = applied.read_text()
    applied.unlink()
    for command in (["run"], ["migrate"], ["new", str(path)]):
        told = etl(*command)
        assert told.returncode == 2
        assert "La migración «0002_tabla_cosas» está aplicada en la base de datos, pero falta su archivo" in told.stderr
        assert "Recupérelo: etl revision" in told.stderr
    assert "Recupérelo: etl revision" in etl("doctor").stdout
    assert done("revision").splitlines()[0] == "Escrito: sql/migrations/versions/0002_tabla_cosas.py"
    assert applied.read_text() == text
    applied.unlink()
    (root / "app" / "declared" / "cosas.py").unlink()
    assert done("revision").splitlines()[:2] == [
        "Escrito: sql/migrations/versions/0002_tabla_cosas.py",
        "Escrito: sql/migrations/versions/0003_quita_cosas.py",
    ]
    done("migrate")
    done("run")


def test_a_deleted_migration_of_which_there_is_no_copy(settings: Settings, etl: Etl, done: Done) -> None:
    done("migrate")
    with connect_settings(settings) as connection:
        connection.execute("UPDATE etl.alembic_version SET version_num = '0009_de_otro'")
    told = etl("revision")
    assert told.returncode == 2
    assert "La migración «0009_de_otro» está aplicada, pero falta su archivo" in told.stderr
    assert "Recupérelo de git o de quien la escribió" in told.stderr


def test_what_two_people_declared_at_once_is_joined(
    settings: Settings, root: Path, etl: Etl, done: Done, tmp_path: Path
) -> None:
    mine, theirs = write(settings, "id;v\n1;a\n", "mias"), write(settings, "id;v\n1;a\n", "suyas")
    done("new", str(theirs))
    aside = [root / "app" / "declared" / "suyas.py", migration(root, "0002_tabla_suyas")]
    for path in aside:
        shutil.move(path, tmp_path / path.name)
    done("new", str(mine))
    done("migrate")
    for path in aside:
        shutil.move(tmp_path / path.name, path)
    for command in ("run", "migrate"):
        told = etl(command)
        assert (told.returncode, told.stderr) == (
            2,
            "Error: Hay 2 migraciones finales: «0002_tabla_mias.py» y «0002_tabla_suyas.py».\nÚnalas: etl revision\n",
        )
    assert "Únalas: etl revision" in etl("doctor").stdout
    assert done("revision").splitlines()[0] == "Escrito: sql/migrations/versions/0003_une.py"
    assert done("migrate") == "Base de datos en la versión 0003_une.\n"
    done("run")
    assert query(settings, "SELECT (SELECT count(*) FROM datos.mias), (SELECT count(*) FROM datos.suyas)") == [(1, 1)]
    assert done("revision") == NOTHING


def test_two_files_that_are_the_same_migration(root: Path, etl: Etl, done: Done) -> None:
    declare(root, COSA)
    done("revision")
    shutil.copy2(migration(root, "0002_tabla_cosas"), migration(root, "0002_otra"))
    told = etl("run")
    assert told.returncode == 2
    assert told.stderr.startswith(
        "Error: «0002_otra.py» y «0002_tabla_cosas.py» son la misma migración, «0002_tabla_cosas».\n"
        "Cambie «revision» en la que aún no haya aplicado"
    )


def test_a_migration_that_follows_one_that_is_not_there(root: Path, etl: Etl, done: Done) -> None:
    declare(root, COSA)
    done("revision")
    path = migration(root, "0002_tabla_cosas")
    path.write_text(path.read_text().replace("'0001'", "'0001b'"))
    told = etl("migrate")
    assert told.returncode == 2
    assert "Falta el archivo de la migración «0001b», a la que sigue «0002_tabla_cosas.py»." in told.stderr


@pytest.mark.parametrize(
    ("good", "bad", "line", "cause"),
    [
        ("op.create_table('cosas',", "op.execute('SELECT 1 FROM nada')\n    op.create_table('cosas',", 14, "nada"),
        ("op.create_table('cosas',", "op.create_table('cosas'", 14, "SyntaxError"),
        ("op.create_table('cosas',", "op.crate_table('cosas',", 14, "AttributeError"),
    ],
)
def test_a_migration_that_fails_is_told_as_its_authors_and_undone(
    settings: Settings, root: Path, etl: Etl, done: Done, good: str, bad: str, line: int, cause: str
) -> None:
    done("migrate")
    declare(root, COSA)
    done("revision")
    path = migration(root, "0002_tabla_cosas")
    path.write_text(path.read_text().replace(good, bad))
    told = etl("migrate")
    assert told.returncode == 2
    assert told.stderr.startswith(f"Error: La migración «{path}» está mal, línea {line}: ")
    assert cause in told.stderr.splitlines()[0]
    assert "fallo nuestro" not in told.stderr
    assert query(settings, "SELECT version_num FROM etl.alembic_version") == ["0001"]
