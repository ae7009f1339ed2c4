"""Empareja las columnas de un archivo con las declaradas, por nombre."""

import re
import unicodedata

from etl.errors import FileRefused
from etl.reader import many
from etl.schema import Schema

_EXPANSIONS = str.maketrans({"€": " eur ", "%": " pct ", "º": "", "ª": "", "ø": "o"})

# Sin la eñe sería otra palabra.
YEAR = re.compile(r"(?<![^\W\d_])año(s?)(?![^\W\d_])")


def match_columns(header: list[str], schema: Schema, has_names: bool) -> tuple[dict[str, int], list[str]]:
    """Para cada columna de la tabla, su posición en el archivo; y los avisos.

    Los nombres se comparan sin mayúsculas, acentos ni espacios alrededor, o ya limpios como los deja
    `etl new` («Código postal» es «codigo_postal»). Sin nombres, por orden.
    Lanza `FileRefused` si falta una columna obligatoria, si dos se llaman como una declarada o si ninguna lo está.
    """
    if not has_names:
        return _by_position(header, schema)
    names, cleaned = [plain_name(name) for name in header], [clean(name) for name in header]
    positions: dict[str, int] = {}
    for column in schema.columns:
        wanted = plain_name(column.name)
        found = [at for at, name in enumerate(names) if name == wanted or cleaned[at] == column.name]
        if len(found) > 1:
            raise FileRefused(f"La cabecera repite la columna «{names[found[1]]}».", "Cambie uno de los nombres.")
        if found:
            positions[column.name] = found[0]
    missing = [column for column in schema.columns if column.name not in positions]
    required = [column.name for column in missing if not column.nullable]
    if required or (header and not positions):
        what = f"Faltan columnas obligatorias: {', '.join(required)}" if required else "Ninguna columna está declarada"
        raise FileRefused(
            f"{what}. La cabecera tiene: {', '.join(header)}.",
            "Revise el separador declarado o los nombres de la cabecera.",
        )
    warnings = [f"falta la columna «{column.name}»: queda sin valor" for column in missing]
    used = set(positions.values())
    # Las que empiezan por «_» son nuestras: las añade `etl rejects --csv` para explicar cada fila.
    warnings += [
        f"columna «{name if name.strip() else position + 1}» no declarada: no se carga"
        for position, name in enumerate(header)
        if position not in used and not name.strip().startswith("_")
    ]
    return positions, warnings


def _by_position(header: list[str], schema: Schema) -> tuple[dict[str, int], list[str]]:
    if len(header) != len(schema.columns):
        raise FileRefused(
            f"El archivo tiene {many(len(header), 'columna')} y se declararon {len(schema.columns)}.",
            "Sin cabecera, las columnas deben ser las declaradas y en su orden.",
        )
    return {name: position for position, name in enumerate(schema.names)}, []


def clean(text: str) -> str:
    """«Precio unitario (€)» -> «precio_unitario_eur»; vacío si no queda ninguna letra ni cifra."""
    lowered = YEAR.sub(r"anio\1", unicodedata.normalize("NFC", text).casefold()).translate(_EXPANSIONS)
    plain = unicodedata.normalize("NFKD", lowered).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return f"n_{name}" if name[:1].isdigit() else name


def plain_name(name: str) -> str:
    """El nombre sin mayúsculas, acentos ni espacios alrededor: «Código » y «codigo» son el mismo."""
    decomposed = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
