"""Inventa los datos de ejemplo: una tienda española entera, con sus errores contados.

`generate` escribe clientes, productos, tiendas y doce meses de ventas. Primero se simula el
negocio sin errores (`world.py` -> `shop.py` -> `sales.py`, con el azar de `dice.py`) y después se
estropean algunas líneas (`corruptions.py` -> `planting.py`); `writing.py` lo lleva al disco.
"""

from collections.abc import Callable, Iterable, Mapping
from math import isqrt
from pathlib import Path

import numpy as np

from generate import layouts
from generate.corruptions import CORRUPTIONS, Corruption, sales_of_rejected
from generate.dice import Dice
from generate.layouts import Layout
from generate.planting import FileCounts, Planter
from generate.sales import Sales
from generate.shop import Customers, Products, Stores
from generate.writing import write_counts, write_file

__all__ = ["FileCounts", "generate"]

STORES = 40
MAX_ERROR_RATE = 0.5  # con más no quedarían clientes ni productos que vender


def generate(
    output: Path,
    sales_rows: int = 50_000,
    seed: int = 2026,
    *,
    error_rate: float = 0.01,
    progress: Callable[[int], None] = lambda rows: None,
) -> dict[str, FileCounts]:
    """Escribe los 15 archivos en `output` y devuelve, por archivo, lo que debe pasar al cargarlo.

    `sales_rows` son las líneas de tique de todo el año, sin las que añaden los errores; los
    clientes y los productos crecen con ellas, más despacio. La misma semilla da los mismos datos
    en cualquier máquina, y una segunda vez los escribe encima. Trabaja por bloques: la memoria no
    crece con las ventas. `error_rate` es la parte de las filas que se estropea. `progress` recibe las
    filas escritas desde la última llamada.
    """
    if not 0 <= error_rate <= MAX_ERROR_RATE:
        raise ValueError(f"error_rate va de 0 a {MAX_ERROR_RATE}, y es {error_rate}")
    customers = Customers(customers_for(sales_rows), seed)
    products = Products(products_for(sales_rows), seed)
    stores = Stores(STORES, seed)
    writer = _Writer(output, seed, error_rate, progress)
    bad_customer = writer.parent("clientes.csv", layouts.CUSTOMERS, customers)
    bad_product = writer.parent("productos.csv", layouts.PRODUCTS, products, with_footer=True)
    bad_store = writer.parent("tiendas.jsonl", layouts.STORES, stores)
    orphans = sales_of_rejected(bad_customer, bad_product, bad_store)
    corruptions = CORRUPTIONS | {"ventas": CORRUPTIONS["ventas"] | orphans}
    writer.sales(Sales(sales_rows, seed, customers, products, stores), corruptions["ventas"])
    write_counts(output / "README.md", writer.files, corruptions)
    return writer.files


def customers_for(sales_rows: int) -> int:
    """2.000 clientes para 50.000 ventas y 106.000 para diez millones: crecen como ventas^(3/4)."""
    return max(200, isqrt(isqrt(sales_rows**3)) * 3 // 5)


def products_for(sales_rows: int) -> int:
    """223 productos para 50.000 ventas y 3.162 para diez millones: crecen como su raíz."""
    return max(100, isqrt(sales_rows))


class _Writer:
    """Lo que comparten los archivos de una generación: carpeta, semilla y cuántos errores."""

    def __init__(self, output: Path, seed: int, error_rate: float, progress: Callable[[int], None]) -> None:
        self.files: dict[str, FileCounts] = {}
        self._output, self._seed = output, seed
        self._error_rate, self._progress = error_rate, progress

    def parent(
        self, name: str, layout: Layout, entity: Customers | Products | Stores, *, with_footer: bool = False
    ) -> int:
        """Escribe clientes, productos o tiendas; deja en `entity.good` los que no se rechazan.

        Son archivos cortos: llevan cada error al menos una vez, aunque pase del porcentaje
        pedido. Devuelve un identificador de los rechazados.
        """
        corruptions = CORRUPTIONS[name.partition(".")[0]]
        errors = max(len(corruptions), round(entity.count * self._error_rate))
        planter = self._planter(corruptions, layout, entity.count, errors)
        self._write(name, layout, entity.chunks(), planter, with_footer=with_footer)
        entity.good = np.setdiff1d(entity.good, np.array(planter.rejected_rows, dtype=np.int64))
        return planter.rejected_rows[0] + 1 if planter.rejected_rows else 0

    def sales(self, sales: Sales, corruptions: Mapping[str, Corruption]) -> None:
        """Escribe los doce meses; los pares, comprimidos, y los fines de trimestre, con pie."""
        turn = 0
        for month in range(1, 13):
            name = f"ventas_2025-{month:02d}.csv" + (".gz" if month % 2 == 0 else "")
            rows = sales.month_rows(month)
            errors = round(rows * self._error_rate)
            planter = self._planter(corruptions, layouts.SALES, rows, errors, turn)
            chunks = sales.month_chunks(month)
            self._write(name, layouts.SALES, chunks, planter, with_footer=month % 3 == 0)
            turn += errors

    def _planter(
        self, corruptions: Mapping[str, Corruption], layout: Layout, rows: int, errors: int, turn: int = 0
    ) -> Planter:
        dice = Dice(self._seed, 100 + len(self.files))
        errors = errors if self._error_rate else 0
        return Planter(corruptions, layout, dice, rows=rows, errors=errors, turn=turn)

    def _write(
        self, name: str, layout: Layout, chunks: Iterable[list[bytes]], planter: Planter, *, with_footer: bool
    ) -> None:
        self.files[name] = write_file(
            self._output / name,
            layout,
            chunks,
            planter,
            progress=self._progress,
            with_footer=with_footer and self._error_rate > 0,
        )
