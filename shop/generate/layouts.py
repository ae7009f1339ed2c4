"""La forma de cada archivo del ejemplo: columnas, separador, fin de línea y codificación.

`split` y `join` trabajan con los textos tal como están escritos, comillas incluidas: así
`corruptions.py` puede estropear un campo sin tocar los demás.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Delimited:
    """Un CSV: la primera línea nombra las columnas."""

    columns: tuple[str, ...]
    delimiter: str = ","
    eol: str = "\n"
    encoding: str = "utf-8"

    @property
    def header(self) -> str:
        return self.delimiter.join(self.columns)

    def quote(self, text: str) -> str:
        """El texto, entre comillas solo si las necesita."""
        if self.delimiter in text or '"' in text:
            return '"' + text.replace('"', '""') + '"'
        return text

    def split(self, line: str) -> list[str]:
        one_field = rf'{self.delimiter}("(?:[^"]|"")*"|[^{self.delimiter}]*)'
        return re.findall(one_field, self.delimiter + line)

    def join(self, fields: list[str]) -> str:
        return self.delimiter.join(fields)


@dataclass(frozen=True)
class JsonLines:
    """Un objeto JSON por línea, sin cabecera; los campos son textos JSON ya escritos."""

    columns: tuple[str, ...]
    eol: str = "\n"
    encoding: str = "utf-8"
    header: str = ""

    def split(self, line: str) -> list[str]:
        return re.findall(r'"\w+": ("[^"]*"|[^,}]*)', line)

    def join(self, fields: list[str]) -> str:
        pairs = (f'"{name}": {value}' for name, value in zip(self.columns, fields, strict=True))
        return "{" + ", ".join(pairs) + "}"


Layout = Delimited | JsonLines

CUSTOMERS = Delimited(
    ("cliente_id", "nif", "nombre", "email", "provincia", "codigo_postal", "fecha_alta", "fecha_nacimiento")
)
# Como lo exporta un Excel en español: punto y coma, coma decimal, Latin-1 y CRLF.
PRODUCTS = Delimited(
    ("producto_id", "nombre", "categoria", "precio", "coste", "peso_kg", "activo"),
    delimiter=";",
    eol="\r\n",
    encoding="latin-1",
)
STORES = JsonLines(
    ("tienda_id", "nombre", "ciudad", "provincia", "superficie_m2", "fecha_apertura", "latitud", "longitud")
)
SALES = Delimited((
    "venta_id", "fecha_venta", "cliente_id", "producto_id", "tienda_id",
    "cantidad", "precio_unitario", "descuento_pct", "canal",
))  # fmt: skip
