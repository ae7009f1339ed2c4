"""Nombres de tabla, de columna y de Python a partir de los que trae un archivo.

Entran textos cualesquiera; salen nombres ASCII, de 63 bytes como mucho y únicos; en minúsculas, salvo las clases.
Un nombre que falta o que se confunde con otro no se inventa: se rechaza el archivo y se dice cuál.
"""

import keyword
from collections.abc import Collection

from etl.errors import FileRefused
from etl.extract.match import clean, plain_name

MAX_BYTES = 63  # NAMEDATALEN de PostgreSQL, menos el final
# Ninguna tabla de verdad tiene tantas; cada mil cuestan casi medio segundo, aunque solo haya una fila.
MAX_COLUMNS = 10_000
RESERVED = ("_load_id", "_line")
# Las columnas que PostgreSQL pone en toda tabla: ninguna otra puede llamarse así.
SYSTEM = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")

# Lo que una declaración escrita por `etl new` importa: su clase no puede llamarse así.
IMPORTED = (
    *("Any", "BigInteger", "Dataset", "Decimal", "Dialect", "JSONB", "Mapped", "Numeric"),
    *("PrimaryKeyConstraint", "String", "Text"),
)


def table_name(stem: str) -> str:
    """El nombre de la tabla de un archivo; «tabla» si el suyo no deja nada."""
    return (clean(stem) or "tabla")[:MAX_BYTES].rstrip("_")


def module_name(table: str) -> str:
    """El nombre del archivo de una declaración, sin «.py»: «class» no se podría importar."""
    return f"{table}_" if keyword.iskeyword(table) else table


def class_name(table: str, taken: Collection[str] = ()) -> str:
    """«pedidos_web» -> «PedidosWeb»; si es de Python, se importa o está en `taken`, con algo detrás."""
    name = "".join(word.capitalize() for word in table.split("_"))
    avoided = {*taken, *IMPORTED, *keyword.kwlist}
    endings = ("", "Tabla", *map(str, range(2, len(avoided) + 3)))
    return next(f"{name}{ending}" for ending in endings if f"{name}{ending}" not in avoided)


def column_names(originals: Collection[str], unnamed: Collection[int] = ()) -> list[str]:
    """Un nombre de columna por nombre original; los de `unnamed` son «columna_N».

    Lanza `FileRefused` si son demasiados, si falta un nombre, o si dos son el mismo sin mayúsculas ni acentos, o
    cortados a 63 bytes. Si solo difieren en signos («a-b» y «a b»), el segundo lleva un número.
    """
    if len(originals) > MAX_COLUMNS:
        raise FileRefused(
            f"Tiene {len(originals)} columnas y se admiten {MAX_COLUMNS}.",
            "Mire si al archivo le faltan los fines de línea.",
        )
    seen: dict[str, str] = {}
    names: dict[str, str] = {}
    for number, original in enumerate(originals, start=1):
        if not original.strip() and number - 1 not in unnamed:
            raise FileRefused(f"La columna {number} no tiene nombre en la cabecera.", "Póngale uno.")
        whole = clean(original) or f"columna_{number}"
        same = plain_name(original) or whole
        if same in seen:
            raise FileRefused(_clash(original, seen[same]), "Cambie uno de los dos nombres.")
        seen[same] = original
        name = _unreserved(whole)[:MAX_BYTES].rstrip("_")
        if name in names:
            if len(whole) > MAX_BYTES:
                raise FileRefused(
                    f"«{names[name][:80]}…» y «{original[:80]}…» son iguales en sus primeros {MAX_BYTES} bytes.",
                    "Acorte uno de los dos nombres.",
                )
            name = _numbered(name, names)
        names[name] = original
    return list(names)


def _unreserved(name: str) -> str:
    return f"col_{name}" if f"_{name}" in RESERVED or name in SYSTEM else name


def _numbered(name: str, taken: Collection[str]) -> str:
    number = 2
    while (longer := f"{name[: MAX_BYTES - 5]}_{number}") in taken:
        number += 1
    return longer


def _clash(one: str, other: str) -> str:
    if one == other:
        return f"La cabecera repite la columna «{one}»."
    return f"Las columnas «{other}» y «{one}» solo se distinguen en mayúsculas, acentos o espacios."
