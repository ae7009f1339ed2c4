"""Lo que nadie declaró: cuánto cuesta averiguar los tipos, y cuánto la forma de un archivo de 1 GB."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql
from tests.benchmarks import data
from tests.benchmarks.measure import Measure, in_turns, median_ratio, median_seconds, run

from etl.database.connection import connect
from extras.embedded import lifecycle as embedded

if TYPE_CHECKING:
    from tests.benchmarks.cases import Bench

TABLE, COPIED = "staging.lineitem", "staging.lineitem_copia"
GIGABYTE = 1 << 30
# Lo que se mide es abrirlo: al salir, codificación, separador, cabecera y nombres están averiguados.
DETECT = (
    "import sys; from pathlib import Path; from etl.extract.source import Source, opened;"
    "from extras.undeclared.unknown import open_unknown; path = Path(sys.argv[1]);"
    " source = Source(path, path.name, path.name)\n"
    "with opened(source) as file, open_unknown(source, file) as (_, found): assert len(found.columns) == 16"
)


def undeclared(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    """El mismo lineitem sin su declaración, frente a `\\copy` a una tabla ya hecha con los mismos tipos."""
    file = data.lineitem(bench.folder, 0.2)
    _load(bench, file)
    _copy_table(bench)
    pairs = in_turns(lambda: _load(bench, file), lambda: _copy(bench, file), bench.times)
    ours, peer = (median_seconds(list(side)) for side in zip(*pairs, strict=True))
    yield (
        "escala 0,2, sin declarar: etl / `\\copy` a una tabla hecha",
        f"{median_ratio(pairs):.2f} ({ours:.2f} s / {peer:.2f} s)",
        "≤ 1,15",
    )
    yield "memoria máxima, sin declarar", f"{max(one.peak_mb for one, _ in pairs):.0f} MB", "≤ 350 MB"
    large = _gigabyte(bench.folder, file)
    seconds = [run([sys.executable, "-c", DETECT, str(large)], bench.environment) for _ in range(bench.times)]
    yield "averiguar la forma de un archivo de 1 GB", f"{median_seconds(seconds):.2f} s", "≤ 1 s"


def _load(bench: "Bench", file: Path) -> Measure:
    """Como la lanza una persona; la declaración que hay en el proyecto no encaja con su nombre."""
    with connect(bench.settings) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        connection.execute("TRUNCATE etl.loads CASCADE")
        connection.execute("CHECKPOINT")
    return run([sys.executable, "-m", "wiring", "run", "--quiet", str(file)], bench.environment)


def _copy_table(bench: "Bench") -> None:
    with connect(bench.settings) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {COPIED}")
        connection.execute(f"CREATE TABLE {COPIED} (LIKE {TABLE})")
        connection.execute(f"ALTER TABLE {COPIED} DROP _line, DROP _load_id")


def _copy(bench: "Bench", file: Path) -> Measure:
    with connect(bench.settings) as connection:
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(COPIED)))
        connection.execute("CHECKPOINT")
    settings = bench.settings
    address = f"host={settings.db_host} port={settings.db_port} user={settings.db_user} dbname={settings.db_name}"
    command = f"\\copy {COPIED} FROM '{file}' CSV HEADER"
    return run([str(embedded.psql_path(settings.pg_version)), "-q", address, "-c", command], bench.environment)


def _gigabyte(folder: Path, part: Path) -> Path:
    """Las mismas filas una y otra vez, hasta 1 GB."""
    file = folder / "gigabyte.csv"
    if not file.exists():
        with file.open("wb") as whole:
            while whole.tell() < GIGABYTE:
                with part.open("rb") as rows:
                    if whole.tell():
                        rows.readline()
                    shutil.copyfileobj(rows, whole, 1 << 20)
    return file
