"""Nombres de tabla, de columna y de Python a partir de los que trae un archivo.

Entran textos cualesquiera; salen nombres ASCII, de 63 bytes como mucho y únicos; en minúsculas, salvo las clases.
Un nombre que falta o que se confunde con otro se completa, y se dice cuál.
"""

import keyword
from collections.abc import Collection
from pathlib import Path

from etl.errors import FileRefused
from etl.extract.match import clean
from etl.extract.source import Source

MAX_BYTES = 63  # NAMEDATALEN de PostgreSQL, menos el final
RESERVED = ("_load_id", "_line")
# Una tabla de PostgreSQL admite 1.600 columnas.
MAX_COLUMNS = 1600 - len(RESERVED)
TOO_WIDE = "Divida el archivo, escriba una fila por valor (nombre y valor), o declare solo las columnas que use."
# Las columnas que PostgreSQL pone en toda tabla: ninguna otra puede llamarse así.
SYSTEM = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")

# Las que no pueden nombrar una columna sin comillas (`pg_get_keywords`, PostgreSQL 18).
KEYWORDS = frozenset(Path(__file__).with_name("keywords.txt").read_text(encoding="ascii").split())
# De muchas columnas se dicen las primeras: un panel las tiene a cientos, y no deben tapar los demás avisos.
NAMED = 10

# Lo que una declaración escrita por `etl new` importa: su clase no puede llamarse así.
IMPORTED = (
    *("Any", "BigInteger", "Dataset", "Decimal", "Dialect", "JSONB", "Mapped", "Numeric"),
    *("PrimaryKeyConstraint", "String", "Text"),
)


def table_of(source: Source) -> str:
    """El nombre de la tabla de un archivo, o de una de sus hojas («libro Hoja 2») si son varias."""
    stem = Path(source.content).stem
    return table_name(f"{stem} {source.part}" if source.part else stem)


def table_name(stem: str) -> str:
    """El nombre de tabla más parecido; «tabla» si no deja nada."""
    return _unreserved(clean(stem) or "tabla")


def module_name(table: str) -> str:
    """El nombre del archivo de una declaración, sin «.py»: «class» no se podría importar."""
    return f"{table}_" if keyword.iskeyword(table) else table


def class_name(table: str, taken: Collection[str] = ()) -> str:
    """«pedidos_web» -> «PedidosWeb»; si es de Python, se importa o está en `taken`, con algo detrás."""
    name = "".join(word.capitalize() for word in table.split("_"))
    avoided = {*taken, *IMPORTED, *keyword.kwlist}
    endings = ("", "Tabla", *map(str, range(2, len(avoided) + 3)))
    return next(f"{name}{ending}" for ending in endings if f"{name}{ending}" not in avoided)


def column_names(originals: Collection[str]) -> list[str]:
    """Un nombre de columna por nombre original, sin comillas en SQL; el que falta es «columna_N».

    El que ya está (sin mayúsculas, acentos ni signos, o cortado a 63 bytes) lleva un número detrás.
    Lanza `FileRefused` si son demasiados.
    """
    if len(originals) > MAX_COLUMNS:
        first = [*originals][MAX_COLUMNS][:40]
        raise FileRefused(
            f"Tiene {len(originals)} columnas y en una tabla caben {MAX_COLUMNS}: sobran desde «{first}».", TOO_WIDE
        )
    names: dict[str, None] = {}
    for number, original in enumerate(originals, start=1):
        name = _unreserved(clean(original) or f"columna_{number}")
        names[_numbered(name, names) if name in names else name] = None
    return list(names)


def name_warnings(originals: Collection[str], names: list[str], unnamed: Collection[int]) -> list[str]:
    """Qué columnas no se llaman como su cabecera: las que no tienen nombre, y las que repiten el de otra.

    `unnamed`: las que no lo tienen porque no hay cabecera; de ellas no hay nada que decir.
    """
    blank, changed = [], []
    for number, (original, name) in enumerate(zip(originals, names, strict=True)):
        whole = clean(original)
        if whole and name != whole:
            changed.append(f"«{original[:40]}» es «{name}»")
        elif not original.strip() and number not in unnamed:
            blank.append(f"«{name}»")
    return [
        *([f"Sin nombre en la cabecera: {some(blank)}."] if blank else []),
        *([f"Nombres repetidos, demasiado largos o reservados en SQL: {some(changed)}."] if changed else []),
    ]


def some(texts: list[str]) -> str:
    """Unos cuantos textos, y cuántos más hay."""
    more = f" y {len(texts) - NAMED} más" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more


def _unreserved(name: str) -> str:
    """El nombre, con algo más si SQL lo reserva o es de los nuestros; de 63 bytes como mucho."""
    if f"_{name}" in RESERVED or name in SYSTEM:
        return f"col_{name}"
    return f"{name}_" if name in KEYWORDS else name[:MAX_BYTES].rstrip("_")


def _numbered(name: str, taken: Collection[str]) -> str:
    number = 2
    while (longer := f"{name[: MAX_BYTES - 5]}_{number}") in taken:
        number += 1
    return longer
