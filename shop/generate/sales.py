"""Las ventas de 2025: quién compra qué, dónde y cuándo. Sin errores todavía.

Una fila es una línea de tique: las de un mismo tique son seguidas y comparten fecha, cliente,
tienda y canal. Todo se calcula por bloques y por columnas (NumPy y Arrow, sin bucles por fila),
así que la memoria no crece con el número de ventas.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generate import layouts, world
from generate.dice import Dice, Ints
from generate.shop import FIRST_DAY, Customers, Products, Stores

CHUNK_ROWS = 100_000
YEAR_DAYS = [date(2025, 1, 1) + timedelta(days=d) for d in range(365)]
# Entradas de cada mes en YEAR_DAYS; la última es el final del año.
MONTH_STARTS = [i for i, day in enumerate(YEAR_DAYS) if day.day == 1] + [365]

# Lo posible, cada valor tantas veces como pesa.
TICKET_SIZES = np.array((1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 8))
QUANTITIES = np.array((1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 6, 12))
SEVERAL_UP_TO_CENTS = 1_000  # de lo que cuesta más que esto se compra una unidad
CHANNELS = ("tienda",) * 7 + ("web",) * 2 + ("telefono",)
USUAL_DISCOUNTS = ("0.00",) * 17 + ("5.00",) * 2 + ("10.00",)
REDUCED = ("10.00", "15.00", "20.00", "20.00", "25.00", "30.00", "33.33", "40.00", "50.00")
SALES_DISCOUNTS = ("0.00",) * len(REDUCED) + REDUCED


class Sales:
    """Las ventas del año, numeradas por orden de fecha; solo de clientes y productos correctos."""

    def __init__(self, count: int, seed: int, customers: Customers, products: Products, stores: Stores) -> None:
        self._seed = seed
        self._customers, self._products, self._stores = customers.good, products.good, stores.good
        weights = day_weights(Dice(seed, 5))
        # Cuántas ventas van hechas al acabar cada día.
        self.day_ends = np.cumsum(weights) * count // int(weights.sum())
        self._set_customers(customers, stores, Dice(seed, 6))
        self._set_products(products)
        self._in_sales_period = np.array([is_sales_period(day) for day in YEAR_DAYS])

    def _set_customers(self, customers: Customers, stores: Stores, dice: Dice) -> None:
        """Cuántos clientes hay cada día, cuándo deja de comprar cada uno y cuál es su tienda."""
        joined = customers.joined[self._customers]
        today = np.array([(day - FIRST_DAY).days for day in YEAR_DAYS])
        self._customers_by_day = np.searchsorted(joined, today, side="right")
        size = len(joined)
        # Uno de cada cuatro se va a mitad de año: la recencia de clientes_rfm lo delata.
        self._last_day = np.where(dice.chance(25, size), dice.below(365, size), 365)
        self._home_store = nearest_stores(stores)[customers.provinces[self._customers]]

    def _set_products(self, products: Products) -> None:
        """Precio antes y después de la subida, temporada y acompañante de cada producto."""
        articles, cents = products.articles[products.good], products.price_cents[products.good]
        self._cents = cents
        tariffs = np.concatenate((cents * 97 // 100, cents)).tolist()
        self._tariffs = pa.array([f"{c // 100}.{c % 100:02d}" for c in tariffs])
        seasons = np.array([("", "verano", "invierno").index(a.season) for a in world.ARTICLES])
        self._season = seasons[articles]
        position = {article: at for at, article in reversed(list(enumerate(articles.tolist())))}
        names = {a.name: i for i, a in enumerate(world.ARTICLES)}
        goes_with = [position.get(names.get(a.goes_with, -1), -1) for a in world.ARTICLES]
        self._companion = np.array(goes_with)[articles]

    def month_rows(self, month: int) -> int:
        """Cuántas ventas tiene el mes (1 a 12)."""
        first, last = self._month_bounds(month)
        return last - first

    def _month_bounds(self, month: int) -> tuple[int, int]:
        ends = np.concatenate(([0], self.day_ends))
        return int(ends[MONTH_STARTS[month - 1]]), int(ends[MONTH_STARTS[month]])

    def month_chunks(self, month: int) -> Iterator[list[bytes]]:
        """Las líneas del mes, por bloques de CHUNK_ROWS."""
        first, last = self._month_bounds(month)
        bounds = [*range(first, last, CHUNK_ROWS), last]
        for start, end in pairwise(bounds):
            yield self._chunk(start, end - start, Dice(self._seed, 7, start))

    def _chunk(self, start: int, size: int, dice: Dice) -> list[bytes]:
        ticket = self._tickets(size, dice)
        first_line = np.flatnonzero(np.diff(ticket, prepend=-1))
        day = np.searchsorted(self.day_ends, start + first_line, side="right")
        customer, store, channel = self._buyers(day, dice)
        product = self._basket(first_line, day[ticket], dice)
        several = self._cents[product] <= SEVERAL_UP_TO_CENTS
        quantity = np.where(several, QUANTITIES[dice.below(len(QUANTITIES), size)], 1)
        tariff = product + np.where(day[ticket] < _PRICE_RISE, 0, len(self._cents))
        columns = [
            pa.array(np.arange(start + 1, start + size + 1)).cast(pa.string()),
            _DATES.take(pa.array(day[ticket])),
            customer.take(pa.array(ticket)),
            pa.array(self._products[product] + 1).cast(pa.string()),
            store.take(pa.array(ticket)),
            pa.array(quantity).cast(pa.string()),
            self._tariffs.take(pa.array(tariff)),
            _DISCOUNTS.take(pa.array(self._discounts(day[ticket], dice))),
            channel.take(pa.array(ticket)),  # ya trae el fin de línea
        ]
        lines = pc.binary_join_element_wise(*columns, layouts.SALES.delimiter)
        return list(lines.cast(pa.binary()).to_pylist())

    def _tickets(self, size: int, dice: Dice) -> Ints:
        """A qué tique (0, 1, 2…) pertenece cada línea."""
        sizes = TICKET_SIZES[dice.below(len(TICKET_SIZES), size)]
        return np.repeat(np.arange(size), sizes)[:size]

    def _buyers(self, day: Ints, dice: Dice) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Cliente (vacío: anónimo), tienda y canal de cada tique, como textos."""
        size, customers, stores = len(day), self._customers, self._stores
        # Cincuenta grupos, de los que más vienen a los que menos; dentro de cada uno, por igual.
        rank = dice.skewed(50, size) * len(customers) // 50 + dice.below(len(customers) // 50, size)
        # Multiplicar por un primo mezcla los grupos: los mejores no son los de alta más antigua.
        who = rank * 2_654_435_761 % len(customers)
        known = self._customers_by_day[day]
        who = np.where(who < known, who, who % np.maximum(known, 1))
        anonymous = dice.chance(20, size) | (day > self._last_day[who]) | (known == 0)
        customer = pa.array(customers[who] + 1).cast(pa.string())
        at_home = dice.chance(90, size) & ~anonymous
        store = np.where(at_home, self._home_store[who], dice.skewed(len(stores), size))
        channel = np.where(anonymous, 0, dice.below(len(CHANNELS), size))
        return (
            pc.if_else(pa.array(anonymous), "", customer),
            pa.array(stores[store] + 1).cast(pa.string()),
            _CHANNELS.take(pa.array(channel)),
        )

    def _basket(self, first_line: Ints, day: Ints, dice: Dice) -> Ints:
        """Qué producto va en cada línea, según la época del año y lo que ya hay en el tique."""
        count, size = len(self._cents), len(day)
        product = dice.skewed(count, size)
        out_of_season = (self._season[product] != 0) & (self._season[product] != _SEASONS[day])
        product = np.where(out_of_season & dice.chance(75, size), dice.skewed(count, size), product)
        second = first_line[np.diff(first_line, append=size) > 1] + 1  # segundas líneas de tique
        companion = self._companion[product[second - 1]]
        fits = (companion >= 0) & dice.chance(45, len(second))
        product[second[fits]] = companion[fits]
        return product

    def _discounts(self, day: Ints, dice: Dice) -> Ints:
        """Posición en _DISCOUNTS: en rebajas, media tienda está rebajada; si no, poca cosa."""
        usual = dice.below(len(USUAL_DISCOUNTS), len(day))
        in_sales = len(USUAL_DISCOUNTS) + dice.below(len(SALES_DISCOUNTS), len(day))
        return np.where(self._in_sales_period[day], in_sales, usual)


def day_weights(dice: Dice) -> Ints:
    """Cuánto se vende cada día de 2025, en proporción: mes, día de la semana, festivos y azar."""
    noise = (90 + dice.below(21, 365)).tolist()
    weights = [
        world.MONTH_WEIGHTS[day.month - 1]
        * world.WEEKDAY_WEIGHTS[day.weekday()]
        * noise[i]
        // (8 if day.isoformat() in world.HOLIDAYS_2025 else 1)
        for i, day in enumerate(YEAR_DAYS)
    ]
    return np.array(weights, dtype=np.int64)


def is_sales_period(day: date) -> bool:
    return any(first <= day.isoformat() <= last for first, last in world.SALES_PERIODS_2025)


def nearest_stores(stores: Stores) -> Ints:
    """Para cada provincia, la tienda más cercana, como posición en `stores.good`."""

    def hundredths(degrees: str) -> int:
        return int(degrees.replace(".", "")[:-2])

    def distance(a: world.Province, b: world.Province) -> int:
        north = hundredths(a.latitude) - hundredths(b.latitude)
        east = hundredths(a.longitude) - hundredths(b.longitude)
        return (100 * north) ** 2 + (77 * east) ** 2  # a 40° de latitud, la longitud mide 0,77

    sites = [world.PROVINCES[stores.provinces[i]] for i in stores.good.tolist()]
    nearest = [min(range(len(sites)), key=lambda site: distance(home, sites[site])) for home in world.PROVINCES]
    return np.array(nearest, dtype=np.int64)


_PRICE_RISE = YEAR_DAYS.index(date.fromisoformat(world.PRICE_RISE_2025))
_DATES = pa.array([f"{day:%d/%m/%Y}" for day in YEAR_DAYS])
_CHANNELS = pa.array([channel + layouts.SALES.eol for channel in CHANNELS])
_DISCOUNTS = pa.array(USUAL_DISCOUNTS + SALES_DISCOUNTS)
# Verano (1) de mayo a septiembre; invierno (2) de octubre a marzo.
_SEASONS = np.array([1 if 5 <= d.month <= 9 else 2 if d.month != 4 else 0 for d in YEAR_DAYS])
