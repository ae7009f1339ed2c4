"""Lo que la tienda tiene antes de vender: clientes, productos y tiendas, todos correctos.

Entra cuántos hay y la semilla; salen sus líneas de texto, por bloques, y lo que `sales.py`
necesita saber de ellos (precio, provincia, fecha de alta). Los errores los pone después
`planting.py`; en `good` quedan entonces las posiciones (identificador - 1) de las filas que se
salvan, que son las únicas que aparecen en las ventas.
"""

import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from generate import layouts, world
from generate.dice import Dice, Ints

CHUNK_ROWS = 20_000
FIRST_DAY, LAST_DAY = date(2019, 1, 2), date(2025, 12, 15)  # altas de clientes
NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # la letra es la del número módulo 23 (orden INT/2058/2008)

# Un correo de cada tantos solo lo salva la transformación de `clientes`: la regla no lo admite así.
CARELESS = 25


class _Person(NamedTuple):
    """Lo que el azar decide de un cliente; los nombres son posiciones en las listas de `world.py`."""

    first: int
    last: int
    mother: int
    has_email: bool
    postcode: int
    age_days: int  # días cumplidos al hacerse cliente
    has_birth: bool


class Customers:
    """Los clientes 1, 2, 3…, numerados por orden de alta."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.good = np.arange(count, dtype=np.int64)
        self._seed = seed
        days = (LAST_DAY - FIRST_DAY).days
        self.joined = np.arange(count, dtype=np.int64) * days // count  # días desde FIRST_DAY
        self.provinces = weighted([p.population for p in world.PROVINCES], count, Dice(seed, 1))

    def chunks(self) -> Iterator[list[bytes]]:
        for start in range(0, self.count, CHUNK_ROWS):
            yield self._chunk(start, min(CHUNK_ROWS, self.count - start))

    def _chunk(self, start: int, size: int) -> list[bytes]:
        dice = Dice(self._seed, 2, start)
        first = dice.below(len(world.FIRST_NAMES), size)
        last = dice.skewed(len(world.SURNAMES), size)
        mother = dice.skewed(len(world.SURNAMES), size)
        has_email = dice.chance(88, size)
        postcode = 1 + dice.skewed(950, size)
        age_days = 18 * 366 + dice.below(60 * 365, size)
        has_birth = dice.chance(80, size)
        draws = (first, last, mother, has_email, postcode, age_days, has_birth)
        people = map(_Person._make, zip(*(draw.tolist() for draw in draws), strict=True))
        return [self._line(start + i, person) for i, person in enumerate(people)]

    def _line(self, i: int, person: _Person) -> bytes:
        number, province = i + 1, int(self.provinces[i])
        joined = FIRST_DAY + timedelta(days=int(self.joined[i]))
        fields = [
            str(number),
            nif(number),
            " ".join((world.FIRST_NAMES[person.first], world.SURNAMES[person.last], world.SURNAMES[person.mother])),
            _email(number, person) if person.has_email else "",
            world.PROVINCES[province].name,
            f"{province + 1:02d}{person.postcode:03d}",
            joined.isoformat(),
            (joined - timedelta(days=person.age_days)).isoformat() if person.has_birth else "",
        ]
        return (layouts.CUSTOMERS.join(fields) + layouts.CUSTOMERS.eol).encode()


def _email(number: int, person: _Person) -> str:
    """El correo; uno de cada tantos, como lo escribe quien no mira: en mayúsculas y con un espacio de más."""
    email = f"{_SLUGS[person.first]}.{_SURNAME_SLUGS[person.last]}{number}@example.com"
    return email if number % CARELESS else f" {email.upper()} "


class Products:
    """El surtido: cada artículo en varias marcas y formatos; el producto 1 es el más vendido."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.good = np.arange(count, dtype=np.int64)
        self.articles = np.arange(count, dtype=np.int64) % len(world.ARTICLES)
        self.variants = np.arange(count, dtype=np.int64) // len(world.ARTICLES)
        base = np.array([a.price_cents for a in world.ARTICLES])[self.articles]
        percents = np.array([percent for _, percent in world.FORMATS])
        self.formats = self.variants // len(world.BRANDS) % len(world.FORMATS)
        dice = Dice(seed, 3)
        prices = base * percents[self.formats] // 100 * (85 + dice.below(31, count)) // 100
        self.price_cents = np.where(prices < 10_000, prices // 10 * 10 + 9, prices // 100 * 100)
        self.cost_cents = self.price_cents * (50 + dice.below(31, count)) // 100
        self.active = dice.chance(95, count)

    def chunks(self) -> Iterator[list[bytes]]:
        for start in range(0, self.count, CHUNK_ROWS):
            yield [self._line(i) for i in range(start, min(start + CHUNK_ROWS, self.count))]

    def _line(self, i: int) -> bytes:
        article, variant = world.ARTICLES[self.articles[i]], int(self.variants[i])
        format_name, percent = world.FORMATS[self.formats[i]]
        brand = world.BRANDS[(variant + 5 * int(self.articles[i])) % len(world.BRANDS)]
        series = variant // (len(world.BRANDS) * len(world.FORMATS))
        extras = (format_name, f"serie {series + 1}" if series else "")
        weight = article.weight_grams
        fields = [
            str(i + 1),
            layouts.PRODUCTS.quote(", ".join((f"{article.name} {brand}", *filter(None, extras)))),
            article.category,
            spanish_number(int(self.price_cents[i]), 2),
            spanish_number(int(self.cost_cents[i]), 2),
            "N/D" if weight is None else spanish_number(weight * percent // 100, 3),
            "sí" if self.active[i] else "no",
        ]
        return (layouts.PRODUCTS.join(fields) + layouts.PRODUCTS.eol).encode(layouts.PRODUCTS.encoding)


class Stores:
    """Una tienda en la capital de cada una de las provincias más pobladas."""

    def __init__(self, count: int, seed: int) -> None:
        by_population = sorted(range(len(world.PROVINCES)), key=lambda p: -world.PROVINCES[p].population)
        self.count = count
        self.good = np.arange(count, dtype=np.int64)
        self.provinces = by_population[:count]
        dice = Dice(seed, 4)
        self._areas = (18_000 + dice.below(200_000, count)).tolist()  # centésimas de m²
        self._opened = dice.below(9_000, count).tolist()  # días desde el año 2000

    def chunks(self) -> Iterator[list[bytes]]:
        yield [self._line(i) for i in range(self.count)]

    def _line(self, i: int) -> bytes:
        province = world.PROVINCES[self.provinces[i]]
        area = self._areas[i]
        fields = [
            str(i + 1),
            f'"Tienda {province.capital}"',
            f'"{province.capital}"',
            f'"{province.name}"',
            f"{area // 100}.{area % 100:02d}",
            f'"{date(2000, 1, 1) + timedelta(days=self._opened[i])}"',
            province.latitude,
            province.longitude,
        ]
        return (layouts.STORES.join(fields) + layouts.STORES.eol).encode()


def weighted(weights: list[int], size: int, dice: Dice) -> Ints:
    """Posiciones de la lista, cada una con probabilidad proporcional a su peso."""
    ends = np.cumsum(weights)
    return np.searchsorted(ends, dice.below(int(ends[-1]), size), side="right").astype(np.int64)


def nif(number: int) -> str:
    """Un NIF de letra correcta y número muy alto, para no dar con el de nadie; a veces, NIE."""
    if number % 20 == 0:
        digits = f"{9_000_000 + number // 20 * 919_317 % 1_000_000}"
        return f"Z{digits}{NIF_LETTERS[int('2' + digits) % 23]}"  # en el NIE, la Z vale 2
    digits = f"{90_000_000 + number * 7_919_317 % 10_000_000}"  # salteados y sin repetir
    return digits + NIF_LETTERS[int(digits) % 23]


def spanish_number(units: int, decimals: int) -> str:
    """El número units / 10^decimals como lo escribe Excel en español: 1.234,56."""
    whole, fraction = divmod(units, 10**decimals)
    return f"{whole:,}".replace(",", ".") + f",{fraction:0{decimals}d}"


def slug(name: str) -> str:
    """El nombre sin acentos ni espacios, para el correo: «Begoña» -> «begona»."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", "")


_SLUGS = [slug(name) for name in world.FIRST_NAMES]
_SURNAME_SLUGS = [slug(name) for name in world.SURNAMES]
