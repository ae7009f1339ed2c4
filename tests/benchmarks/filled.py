"""La misma carga donde ya hay filas, y en una tabla con una clave foránea: en las dos, frente a `\\copy`."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import data
from tests.benchmarks.measure import Measure, in_turns, median_ratio, median_seconds

from etl.database.connection import connect

if TYPE_CHECKING:
    from tests.benchmarks.cases import Bench

HERE = Path(__file__).parent
LINEITEM, PEDIDOS = HERE / "lineitem.py", HERE / "pedidos.py"
MILLION = 1_000_000
COLUMNS = "albaran_id,pedido_id"
# Lo que ya había: tantas filas como trae el archivo, con otras claves.
HALF_FULL = (
    "INSERT INTO datos.lineitem SELECT -n, 1, 1, 1, 17, 9.25, 0.04, 0.02, 'N', 'O', '1996-03-13', '1996-02-12',"
    " '1996-03-22', 'NONE', 'TRUCK', 'egular', -1, n FROM generate_series(1, {}) AS n"
)
PARENTS = f"INSERT INTO datos.pedidos SELECT n, '2025-01-31', -1, n FROM generate_series(1, {MILLION // 5}) AS n"
DELIVERED = (
    f"INSERT INTO datos.albaranes SELECT {MILLION} + n, n % 1000 + 1, -1, n FROM generate_series(1, {MILLION}) AS n"
)


def filled(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    """`lineitem` en una tabla que ya tiene otras tantas filas, a dos escalas."""
    for scale, title, bar in ((0.2, "escala 0,2", "≤ 0,95"), (1, "escala 1", "≤ 0,90")):
        file = data.lineitem(bench.folder, scale)
        statements = ["TRUNCATE datos.lineitem, etl.loads CASCADE", HALF_FULL.format(round(6 * MILLION * scale))]
        ours = _after(bench, statements, partial(bench.etl, file))
        peer = _after(bench, statements, partial(bench.copy_to, "datos.lineitem", bench.columns, file))
        yield _row(f"{title}, en una tabla con filas: etl / `\\copy`", in_turns(ours, peer, bench.times), bar)


def references(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    """Un millón de hijas cuya madre PostgreSQL tiene que encontrar, en una tabla vacía y en una con otro millón."""
    file = bench.folder / "albaranes_millon.csv"
    lines = (f"{number},{number % (MILLION // 5) + 1}\n" for number in range(1, MILLION + 1))
    file.write_text(f"{COLUMNS}\n" + "".join(lines), encoding="utf-8")
    header = bench.folder / "albaranes_vacio.csv"
    header.write_text(f"{COLUMNS}\n", encoding="utf-8")
    bench.etl(header, PEDIDOS)  # crea las tablas
    for where, before in (("vacía", []), ("con filas", [DELIVERED])):
        statements = ["TRUNCATE datos.pedidos, datos.albaranes, etl.loads CASCADE", PARENTS, *before]
        ours = _after(bench, statements, partial(bench.etl, file, PEDIDOS))
        peer = _after(bench, statements, partial(bench.copy_to, "datos.albaranes", COLUMNS, file))
        pairs = in_turns(ours, peer, bench.times)
        yield _row(f"un millón de hijas, en una tabla {where}: etl / `\\copy`", pairs, "≤ 0,95")


def _row(title: str, pairs: list[tuple[Measure, Measure]], bar: str) -> tuple[str, str, str]:
    ours, peer = (median_seconds(list(side)) for side in zip(*pairs, strict=True))
    return title, f"{median_ratio(pairs):.2f} ({ours:.2f} s / {peer:.2f} s)", bar


def _after(bench: "Bench", statements: list[str], run: Callable[[], Measure]) -> Callable[[], Measure]:
    """Lo mismo, con las tablas como las dejan esas sentencias."""

    def prepared() -> Measure:
        _prepare(bench, *statements)
        return run()

    return prepared


def _prepare(bench: "Bench", *statements: str) -> None:
    """Las dos órdenes parten de lo mismo; `\\copy` no sabe de qué carga ni de qué línea viene cada fila."""
    with connect(bench.settings) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        for table in ("lineitem", "albaranes"):
            connection.execute(
                f"ALTER TABLE IF EXISTS datos.{table} ALTER _load_id SET DEFAULT 0, ALTER _line SET DEFAULT 0".encode()
            )
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
