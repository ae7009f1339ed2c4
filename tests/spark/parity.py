"""Lo que queda en la base de datos tras una carga, de modo que dos motores se puedan comparar.

Se quita lo único que puede cambiar: los números de carga y las horas. Cada fila lleva en su lugar
el nombre de su archivo.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from etl import declarations
from etl.run import Progress, RunResult
from etl.settings import Settings
from own_rows import run_with, silent
from support import ServerAddress, execute, fetch

TABLES = ("clientes", "productos", "tiendas", "ventas")
State = dict[str, list[tuple[Any, ...]]]


def load(
    settings: Settings, engine: str, folder: Path, progress: Progress = silent, said: list[str] | None = None
) -> RunResult:
    """`etl run --engine …` sobre una carpeta, en este mismo proceso; lo que anuncia queda en `said`."""
    tables = declarations.load()
    announce = ([] if said is None else said).append
    moved = replace(settings, datos_dir=folder)
    return run_with(moved, tables, progress=progress, engine=engine, announce=announce)


def state(database: ServerAddress, tables: tuple[str, ...] = TABLES) -> State:
    """Todas las filas, rechazos y apuntes, en un orden fijo."""
    found: State = {}
    for table in tables:
        query = (
            f"SELECT l.file, to_jsonb(t) - '_load_id' FROM datos.{table} AS t"
            " JOIN etl.loads AS l ON l.load_id = t._load_id ORDER BY 1, t._line, 2"
        )
        found[table] = [(file, str(row)) for file, row in fetch(database, query)]
    found["rejects"] = fetch(
        database,
        "SELECT l.file, r.line, r.raw, r.column_name, r.value, r.code, r.message FROM etl.rejects AS r"
        " JOIN etl.loads AS l USING (load_id) ORDER BY l.load_id, 2, 3, 4",
    )
    found["loads"] = fetch(
        database,
        "SELECT file, table_name, sha256, bytes, rows_read, rows_loaded, rows_updated, rows_duplicate,"
        " rows_rejected, status, encoding, warnings, error, header, dialect::text,"
        " keys::text, ceded FROM etl.loads ORDER BY load_id",
    )
    return found


def clear(database: ServerAddress, tables: tuple[str, ...] = TABLES) -> None:
    """Deja la base como recién migrada."""
    names = ", ".join(f"datos.{table}" for table in tables)
    execute(database, f"TRUNCATE {names}, etl.rejects, etl.loads")


def assert_equal(expected: State, found: State) -> None:
    """Como `==`, pero al fallar enseña solo lo que sobra y lo que falta."""
    assert expected.keys() == found.keys()
    for name, rows in expected.items():
        if rows != found[name]:
            wanted, got = Counter(map(str, rows)), Counter(map(str, found[name]))
            missing, extra = list(wanted - got)[:5], list(got - wanted)[:5]
            raise AssertionError(f"{name}: faltan {missing}; sobran {extra}")


def staging_tables(database: ServerAddress) -> list[str]:
    """Las tablas de paso que quedan; al acabar una ejecución no debe quedar ninguna."""
    query = r"SELECT tablename FROM pg_tables WHERE schemaname = 'staging' AND tablename LIKE '\_spark\_%'"
    return [name for (name,) in fetch(database, query)]
