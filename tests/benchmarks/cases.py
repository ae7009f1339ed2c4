"""Cada medición: qué se ejecuta, contra qué se compara y qué se esperaba."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import data
from tests.benchmarks.filled import filled, references
from tests.benchmarks.grows import grows
from tests.benchmarks.measure import Measure, in_turns, median_ratio, median_seconds, run
from tests.benchmarks.spark import spark
from tests.benchmarks.undeclared import undeclared

from etl.database import migrate
from etl.database.connection import connect
from etl.settings import Settings
from extras.embedded import lifecycle as embedded
from own_project import PYTHONPATH

HERE = Path(__file__).parent
DECLARATION = HERE / "lineitem.py"
Row = tuple[str, str, str]


@dataclass
class Bench:
    """Dónde se mide: el servidor, la carpeta de los archivos y cuántas veces cada cosa."""

    settings: Settings
    folder: Path
    times: int
    # De «crece»: las filas que ya hay en las tablas, en millones.
    sizes: tuple[float, ...] = (0, 6, 24)

    def __post_init__(self) -> None:
        migrate.migrate(self.settings)
        header = data.lineitem(self.folder, 0.2).open().readline()
        empty = self.folder / "lineitem_vacio.csv"
        empty.write_text(header, encoding="utf-8")
        # La primera carga crea la tabla, para que la segunda orden la encuentre hecha.
        self.etl(empty)
        self.columns = header.strip()

    @property
    def environment(self) -> dict[str, str]:
        settings = self.settings
        return {
            "DB_HOST": str(settings.db_host),
            "DB_PORT": str(settings.db_port),
            "DB_USER": settings.db_user,
            "DB_PASSWORD": settings.db_password,
            "DB_NAME": settings.db_name,
            "PGPASSWORD": settings.db_password,
            "SQL_DIR": str(settings.sql_dir),
            "PYTHONPATH": PYTHONPATH,
            # Como en casa de cualquiera: lo importado una vez queda compilado.
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def etl(self, file: Path, declaration: Path | None = DECLARATION) -> Measure:
        """Nuestra carga, como la lanza una persona: un proceso nuevo, de principio a fin."""
        datasets = ["--datasets", str(declaration)] if declaration else []
        return run([sys.executable, "-m", "wiring", "run", "--quiet", *datasets, str(file)], self.environment)

    def copy(self, file: Path) -> Measure:
        """`\\copy` con psql del mismo archivo a la misma tabla, sin validar nada."""
        self.empty()
        return self.copy_to("datos.lineitem", self.columns, file)

    def copy_to(self, table: str, columns: str, file: Path) -> Measure:
        command = f"\\copy {table}({columns}) FROM '{file}' CSV HEADER"
        settings = self.settings
        address = f"host={settings.db_host} port={settings.db_port} user={settings.db_user} dbname={settings.db_name}"
        return run([str(embedded.psql_path(settings.pg_version)), "-q", address, "-c", command], self.environment)

    def fresh_etl(self, file: Path, declaration: Path = DECLARATION) -> Measure:
        self.empty()
        return self.etl(file, declaration)

    def empty(self) -> None:
        """La tabla vacía y nada pendiente de escribir: las dos órdenes parten de lo mismo."""
        with connect(self.settings) as connection:
            connection.execute("TRUNCATE datos.lineitem, etl.loads CASCADE")
            # `\\copy` no sabe de qué carga ni de qué línea viene cada fila.
            connection.execute("ALTER TABLE datos.lineitem ALTER _load_id SET DEFAULT 0, ALTER _line SET DEFAULT 0")
            connection.execute("CHECKPOINT")

    def count(self) -> int:
        with connect(self.settings) as connection:
            row = connection.execute("SELECT count(*) FROM datos.lineitem").fetchone()
            return int(row[0]) if row else 0


def clean(bench: Bench) -> Iterator[Row]:
    """Datos limpios, con clave primaria y reglas, a dos escalas."""
    per_million = {}
    for scale in (0.2, 1):
        file = data.lineitem(bench.folder, scale)
        pairs = in_turns(lambda: bench.fresh_etl(file), lambda: bench.copy(file), bench.times)  # noqa: B023
        ours, peer = (median_seconds(list(side)) for side in zip(*pairs, strict=True))
        per_million[scale] = ours / (6 * scale)
        yield (
            f"escala {scale:g}, limpio: etl / `\\copy`",
            f"{median_ratio(pairs):.2f} ({ours:.2f} s / {peer:.2f} s)",
            "≤ 0,85" if scale < 1 else "≤ 0,80",
        )
    yield "segundos por millón de filas, escala 1 / 0,2", f"{per_million[1] / per_million[0.2]:.2f}", "≤ 1,10"


def dirty(bench: Bench) -> Iterator[Row]:
    """Un 1 % de filas malas y un 1 % repetidas, frente a `\\copy` del archivo limpio."""
    file = data.lineitem(bench.folder, 0.2)
    spoiled = data.dirty(file)
    pairs = in_turns(lambda: bench.fresh_etl(spoiled), lambda: bench.copy(file), bench.times)
    yield ("escala 0,2, 1 % malas y 1 % repetidas: etl / `\\copy` limpio", f"{median_ratio(pairs):.2f}", "≤ 1,25")


# Sigue a la última línea de la declaración, que es de la clase.
TRANSFORM = """
    @staticmethod
    def transform(lineas):
        discounted = lineas["l_extendedprice"] * (Decimal(1) - lineas["l_discount"])
        return lineas.assign(l_extendedprice=discounted, l_shipmode=lineas["l_shipmode"].str.strip())
"""


def transformed(bench: Bench) -> Iterator[Row]:
    """Los mismos datos con una transformación en pandas, que calcula una columna y limpia otra, y sin ella."""
    file = data.lineitem(bench.folder, 0.2)
    declaration = bench.folder / "con_transformacion.py"
    declaration.write_text(DECLARATION.read_text(encoding="utf-8") + TRANSFORM, encoding="utf-8")
    pairs = in_turns(lambda: bench.fresh_etl(file, declaration), lambda: bench.fresh_etl(file), bench.times)
    yield "escala 0,2: con una transformación / sin ella", f"{median_ratio(pairs):.2f}", "≤ 1,10"


def memory(bench: Bench) -> Iterator[Row]:
    """El pico de memoria del proceso, que no debe depender del tamaño del archivo."""
    small, large = (bench.fresh_etl(data.lineitem(bench.folder, scale)).peak_mb for scale in (0.2, 1))
    yield "memoria máxima, escala 1", f"{large:.0f} MB", "≤ 350 MB"
    yield "memoria, escala 1 / 0,2", f"{large / small:.2f}", "≤ 1,15"


def known(bench: Bench) -> Iterator[Row]:
    """Reconocer un archivo de 766 MB que ya está cargado."""
    file = data.lineitem(bench.folder, 1)
    bench.fresh_etl(file)
    seconds = median_seconds([bench.etl(file) for _ in range(bench.times)])
    yield "pasar por alto 766 MB ya cargados", f"{seconds:.2f} s", "≤ 1,5 s"


def to_sql(bench: Bench) -> Iterator[Row]:
    """`read_csv` y `to_sql` de pandas, con sus valores por omisión, sobre una tabla sin clave ni reglas."""
    file = data.lineitem(bench.folder, 0.2)
    settings = bench.settings
    url = f"postgresql+psycopg://{settings.db_user}:{settings.db_password}@{settings.db_host}:{settings.db_port}/{settings.db_name}"
    program = (
        "import pandas, sqlalchemy, sys;"
        "pandas.read_csv(sys.argv[1]).to_sql('pandas_lineitem', sqlalchemy.create_engine(sys.argv[2]),"
        " schema='staging', if_exists='replace', index=False)"
    )
    command = [sys.executable, "-c", program, str(file), url]

    def ours() -> Measure:
        # Lo que dejó pandas, que PostgreSQL se pondría a limpiar mientras cargamos, no es cosa nuestra.
        with connect(settings) as connection:
            connection.execute("DROP TABLE IF EXISTS staging.pandas_lineitem")
        return bench.fresh_etl(file)

    pairs = in_turns(lambda: run(command, bench.environment), ours, bench.times)
    peer, etl = (median_seconds(list(side)) for side in zip(*pairs, strict=True))
    yield "pandas `to_sql` / etl", f"{median_ratio(pairs):.1f} veces ({peer:.2f} s / {etl:.2f} s)", "≥ 15 veces"


CASES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "limpio": clean,
    "llena": filled,
    "referencias": references,
    "sucio": dirty,
    "transformacion": transformed,
    "memoria": memory,
    "conocido": known,
    "to_sql": to_sql,
    "sin_declarar": undeclared,
    "spark": spark,
    "crece": grows,
}
