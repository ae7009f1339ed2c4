"""Archivos de ejemplo para lo que declaran las pruebas, con errores cada tantas filas y contados.

No hay azar: la fila número `n` es siempre la misma, así que lo que debe pasar al cargarla se sabe sin
cargarla. Con diez millones de ventas tarda un minuto y no ocupa más memoria que con diez mil.
"""

import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from own_rows import CLIENTES, PRODUCTOS, VENTAS, cliente, producto, tienda

CUSTOMERS, PRODUCTS, STORES = 2000, 200, 40
# Cada fila mala lo es de una manera, por turno; la última repite la clave de la fila anterior.
BAD_SALES: tuple[dict[str, str], ...] = (
    {"date": "31/02/2025"},
    {"units": "0"},
    {"units": "dos"},
    {"price": "-1.20"},
    {"price": "1.205"},
    {"channel": "fax"},
    {"channel": "web,de más"},
    {"channel": '"web'},
    {"product": "999999"},
    {"product": ""},
    {"customer": "88888888"},
    {"repeated": "sí"},
)
BAD_CUSTOMERS: tuple[dict[str, str], ...] = (
    {"fecha_alta": "ayer"},
    {"nif": "12345678"},
    {"email": "sin arroba"},
    {"fecha_nacimiento": "2030-01-01"},
)
BAD_PRODUCTS: tuple[dict[str, str], ...] = ({"coste": "9,99"}, {"categoria": "Otra"}, {"precio": "1.20.3"})


@dataclass(frozen=True)
class Expected:
    """Lo que debe contar la carga de un archivo, con los nombres del libro de cargas."""

    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int


def write_sample(folder: Path, sales: int = 24_000, *, every: int = 100, months: int = 12) -> dict[str, Expected]:
    """Clientes, productos, tiendas y un archivo de ventas por mes; una fila de cada `every` (dos o más) es mala.

    Los meses pares van comprimidos, y cada uno tiene un múltiplo de `every` ventas. Devuelve, por archivo,
    lo que debe pasar al cargarlo.
    """
    assert every > 1, every
    assert sales % (months * every) == 0, (sales, months, every)
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "clientes.csv": _write(folder / "clientes.csv", CLIENTES, _customers(every)),
        "productos.csv": _write(folder / "productos.csv", PRODUCTOS, _products(every), "latin-1"),
        "tiendas.jsonl": _write(folder / "tiendas.jsonl", "", ((tienda(n), "loaded") for n in range(1, STORES + 1))),
    }  # fmt: skip
    for month in range(1, months + 1):
        name = f"ventas_2025-{month:02}.csv" + (".gz" if month % 2 == 0 else "")
        numbers = range(1 + sales * (month - 1) // months, 1 + sales * month // months)
        found[name] = _write(folder / name, VENTAS, _sales(numbers, month, every))
    return found


Rows = Iterator[tuple[str, str]]


def _write(path: Path, header: str, rows: Rows, encoding: str = "utf-8") -> Expected:
    fates: Counter[str] = Counter()
    with _opened(path) as file:
        file.write(header.encode(encoding))
        for text, fate in rows:
            file.write(text.encode(encoding))
            fates[fate] += 1
    return Expected(fates.total(), fates["loaded"], fates["duplicate"], fates["rejected"])


def _opened(path: Path) -> IO[Any]:
    """Comprimido, sin la hora dentro: los mismos datos son siempre los mismos bytes."""
    return gzip.GzipFile(path, "wb", 6, mtime=0) if path.suffix == ".gz" else path.open("wb")


def _customers(every: int) -> Rows:
    for number in range(1, CUSTOMERS + 1):
        changes = _turn(BAD_CUSTOMERS, number, every)
        postcode = "08001" if number % 9 == 0 else "16001"
        text = cliente(number, f"Begoña {number}", **{"codigo_postal": postcode} | changes)
        yield text, "rejected" if changes else "loaded"


def _products(every: int) -> Rows:
    for number in range(1, PRODUCTS + 1):
        changes = _turn(BAD_PRODUCTS, number, every)
        weight = "N/D" if number % 7 == 0 else "1.250,5"
        yield producto(number, **{"peso_kg": weight} | changes), "rejected" if changes else "loaded"


def _turn(ways: tuple[dict[str, str], ...], number: int, every: int) -> dict[str, str]:
    """Nada si la fila es buena; si no, lo que se cambia en ella."""
    return {} if number % every else ways[number // every % len(ways)]


def _good(number: int, count: int, every: int) -> int:
    """La clave de una fila madre que sí se carga."""
    key = number % count + 1
    return key if key % every else key - 1


def _sales(numbers: range, month: int, every: int) -> Rows:
    for number in numbers:
        key, date = number, f"{number % 28 + 1:02}/{month:02}/2025"
        customer = str(_good(number * 7, CUSTOMERS, every)) if number % 3 else ""
        product, store = str(_good(number * 3, PRODUCTS, every)), number % STORES + 1
        units, price, channel = str(number % 5 + 1), f"{number % 90 + 1}.25", ("tienda", "web")[number % 2]
        fate = "loaded"
        if number % every == 0:
            bad = _turn(BAD_SALES, number, every)
            date, customer = bad.get("date", date), bad.get("customer", customer)
            product, units = bad.get("product", product), bad.get("units", units)
            price, channel = bad.get("price", price), bad.get("channel", channel)
            key, fate = (number - 1, "duplicate") if "repeated" in bad else (number, "rejected")
        yield f"{key},{date},{customer},{product},{store},{units},{price},0,{channel}\n", fate
