"""Lo que cuesta un archivo más según lo que ya hay: las mismas cargas en tablas de varios tamaños.

    make bench ARGS="--solo crece"                    tablas de 0, 6 y 24 millones de filas
    make bench ARGS="--solo crece --filas 0 1.2"      otras, en millones; los cocientes son entre la primera y cada una

Cada tamaño tiene su base de datos, y cada paso se da en todas por turnos: si la máquina va más lenta un rato, lo va
para todas. Antes de medir se da una vuelta que no cuenta.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql
from tests.benchmarks.measure import Measure, median_ratio, median_seconds

from etl.database.connection import connect
from own_rows import CLIENTES, VENTAS, cliente, venta

if TYPE_CHECKING:
    from tests.benchmarks.cases import Bench

HERE = Path(__file__).parent
LINEITEM, PEDIDOS = HERE / "lineitem.py", HERE / "pedidos.py"
ROWS, SALES, PARENTS, CUSTOMERS = 10_000, 1_000, 10_000, 100
# Ventas de la tienda por cada fila de lineitem: 5 millones con 24, y nunca menos de 50.000.
SHOP_SHARE, SHOP_LEAST = 5 / 24, 50_000
# Por encima de lo que hay en las tablas: lo nuevo trae claves nuevas.
FIRST_KEY = 1_000_000_000
# Archivos en el libro de cargas: treinta mil con 24 millones de filas.
FILES_SHARE, FILES = 30_000 / 24, 100

FILL = (
    "INSERT INTO datos.lineitem SELECT n / 4 + 1, n % 200000 + 1, n % 10000 + 1, n % 4 + 1, n % 50 + 1,"
    " n % 90000 + 0.25, 0.05, 0.02, 'N', 'O', '1996-03-13', '1996-02-12', '1996-03-22', 'DELIVER IN PERSON', 'TRUCK',"
    " left(md5(n::text), 27), -1 - n / 1200000, n FROM generate_series(0, {lines} - 1) AS n",
    "INSERT INTO datos.pedidos SELECT n, '2025-01-31', -1, n FROM generate_series(1, {parents}) AS n",
    "INSERT INTO datos.clientes SELECT n, '12345678Z', 'Ana', NULL, 'Cuenca', '16001', '2024-01-15', NULL, -1, n"
    " FROM generate_series(1, 20000) AS n",
    "INSERT INTO datos.productos SELECT n, 'Pan', 'Hogar', 1.20, 0.40, NULL, true, -1, n FROM generate_series(1, 200) AS n",
    "INSERT INTO datos.tiendas SELECT n, 'Centro', 'Cuenca', 'Cuenca', 10, '2020-01-01', 40, -2, -1, n"
    " FROM generate_series(1, 40) AS n",
    "INSERT INTO datos.ventas SELECT n, date '2025-01-01' + n % 365, n % 20000 + 1, n % 200 + 1, n % 40 + 1, n % 9 + 1,"
    " 1.20, 0, 'web', -1, n FROM generate_series(1, {sales}) AS n",
    # Como si las hubiera traído un archivo: sin apuntes, no se sabría que un mart no lee nada nuevo.
    "INSERT INTO etl.loads (run_id, file, table_name, engine, sha256, bytes, status) SELECT gen_random_uuid(), name,"
    " 'datos.' || name, 'local', name, 1, 'loaded' FROM unnest(ARRAY['lineitem', 'pedidos', 'clientes', 'productos',"
    " 'tiendas', 'ventas']) AS name",
    "INSERT INTO etl.loads (run_id, file, table_name, engine, sha256, bytes, status) SELECT gen_random_uuid(),"
    " 'albaranes_de_antes_' || n, 'datos.albaranes', 'local', n::text, 1, 'loaded' FROM generate_series(1, {files}) AS n",
    "VACUUM ANALYZE",
    "CHECKPOINT",
)


@dataclass(frozen=True)
class Step:
    """Un paso: qué archivo se deja, con qué declaración se carga y cuánto puede costar de más."""

    title: str
    declaration: Path | None
    write: Callable[[Path, int], Path]
    bar: str


def grows(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    """Cada paso: los segundos de cada tamaño divididos por los del primero."""
    folder = bench.folder / "crece"
    folder.mkdir(exist_ok=True)
    benches = [_filled(bench, millions) for millions in bench.sizes]
    for warm in STEPS:
        _take(benches, warm, folder, 0)
    taken: dict[str, list[list[Measure]]] = {step.title: [] for step in STEPS}
    for turn in range(1, bench.times + 1):
        for step in STEPS:
            taken[step.title].append(_take(benches, step, folder, turn))
    for filled in benches:
        _drop(bench, filled.settings.db_name)  # ocupan unos gigas
    for step in STEPS:
        columns = list(zip(*taken[step.title], strict=True))
        ratios = [median_ratio(list(zip(one, columns[0], strict=True))) for one in columns[1:]]
        seconds = " / ".join(f"{median_seconds(list(one)):.2f}" for one in columns)
        sizes = " / ".join(f"{millions:g}" for millions in bench.sizes)
        yield (
            f"{step.title} ({sizes} millones)",
            f"{' / '.join(f'{ratio:.2f}' for ratio in ratios)} ({seconds} s)",
            step.bar,
        )


def _filled(bench: "Bench", millions: float) -> "Bench":
    """Una base de datos con tablas de ese tamaño."""
    name = f"crece_{millions:g}".replace(".", "_")
    _drop(bench, name)
    with connect(bench.settings) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    filled = replace(bench, settings=replace(bench.settings, db_name=name))
    header = bench.folder / "pedidos_vacio.csv"
    header.write_text("pedido_id,fecha\n", encoding="utf-8")
    filled.etl(header, PEDIDOS)
    lines = int(millions * 1_000_000)
    sales, files = max(SHOP_LEAST, int(lines * SHOP_SHARE)), int(millions * FILES_SHARE)
    with connect(filled.settings) as connection:
        connection.patience = None
        connection.execute("SET statement_timeout = 0")
        for statement in FILL:
            text = statement.format(lines=lines, parents=max(PARENTS, lines), sales=sales, files=files)
            connection.execute(text.encode())
    return filled


def _drop(bench: "Bench", name: str) -> None:
    with connect(bench.settings) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _take(benches: "list[Bench]", step: Step, folder: Path, turn: int) -> list[Measure]:
    file = step.write(folder, turn)
    return [bench.etl(file, step.declaration) for bench in benches]


# --- Los archivos: el día `turn` trae claves que no trae ningún otro -------------------------


def _lines(folder: Path, turn: int, name: str, first: int, changed: int | None = None, less: int = 0) -> Path:
    file = folder / f"lineitem_{name}_{turn}.csv"
    header = (
        "l_orderkey,l_partkey,l_suppkey,l_linenumber,l_quantity,l_extendedprice,l_discount,l_tax,l_returnflag,"
        "l_linestatus,l_shipdate,l_commitdate,l_receiptdate,l_shipinstruct,l_shipmode,l_comment\n"
    )
    with file.open("w", encoding="utf-8") as output:
        output.write(header)
        for key in range(first, first + ROWS - less):
            price = "9.99" if key == changed else f"{key % 90000}.25"
            output.write(f"{key},1,1,1,17,{price},0.04,0.02,N,O,1996-03-13,1996-02-12,1996-03-22,NONE,TRUCK,egular\n")
    return file


def _day(turn: int) -> int:
    return FIRST_KEY + turn * 4 * ROWS


def _new(folder: Path, turn: int) -> Path:
    return _lines(folder, turn, "dia", _day(turn))


def _changed(folder: Path, turn: int) -> Path:
    return _lines(folder, turn, "dia", _day(turn), changed=_day(turn) + 7)


def _gone(folder: Path, turn: int) -> Path:
    return _lines(folder, turn, "dia", _day(turn), less=1)


def _of_another(folder: Path, turn: int) -> Path:
    """Empieza por la última clave que trae el archivo del día."""
    first = _day(turn) + ROWS - 2
    return _lines(folder, turn, "otro", first, changed=first)


def _orphan(folder: Path, turn: int) -> Path:
    file = folder / f"albaranes_{turn}.csv"
    with file.open("w", encoding="utf-8") as output:
        output.write("albaran_id,pedido_id\n")
        for number in range(1, ROWS + 1):
            parent = number if number != ROWS // 2 else FIRST_KEY
            output.write(f"{turn * ROWS + number},{parent}\n")
    return file


def _many(folder: Path, turn: int) -> Path:
    files = folder / f"muchos_{turn}"
    files.mkdir(exist_ok=True)
    for number in range(FIRST_KEY + turn * FILES, FIRST_KEY + (turn + 1) * FILES):
        (files / f"albaranes_{number}.csv").write_text(f"albaran_id,pedido_id\n{number},1\n", encoding="utf-8")
    return files


def _sales(folder: Path, turn: int) -> Path:
    file = folder / f"ventas_dia_{turn}.csv"
    first = FIRST_KEY + turn * SALES
    file.write_text(VENTAS + "".join(map(venta, range(first, first + SALES))), encoding="utf-8")
    return file


def _customers(folder: Path, turn: int, less: int = 0) -> Path:
    """Clientes que no compran nada."""
    file, first = folder / f"clientes_{turn}.csv", FIRST_KEY + turn * CUSTOMERS
    file.write_text(CLIENTES + "".join(map(cliente, range(first, first + CUSTOMERS - less))), encoding="utf-8")
    return file


def _customer_gone(folder: Path, turn: int) -> Path:
    return _customers(folder, turn, less=1)


STEPS = (
    Step("10.000 filas nuevas", LINEITEM, _new, "≤ 1,20"),
    Step("el mismo archivo otra vez", LINEITEM, _new, "≤ 1,20"),
    Step("un valor cambiado", LINEITEM, _changed, "≤ 2,00"),
    Step("una fila menos", LINEITEM, _gone, "≤ 2,00"),
    Step("filas nuevas y una clave de otro archivo", LINEITEM, _of_another, "≤ 1,50"),
    Step("una huérfana entre 10.000 hijas", PEDIDOS, _orphan, "≤ 1,50"),
    Step("100 archivos más, con hasta 30.000 en el libro", PEDIDOS, _many, "≤ 1,20"),
    Step("1.000 ventas más, con sus marts", None, _sales, "≤ 2,00"),
    Step("100 clientes más", None, _customers, "≤ 1,20"),
    Step("un cliente menos, que nada compró", None, _customer_gone, "≤ 2,00"),
)
