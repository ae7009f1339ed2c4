"""De un archivo sin declarar a una declaración: escribe la clase y su migración (`etl new`).

Entra lo que vio `inspection.py`; sale `datasets/<tabla>.py`, listo para corregir. Lo que no se puede
saber mirando el archivo (la clave, el sentido de «1.234») va en un comentario, junto a su columna.
"""

import importlib
import json
import keyword
import re
from argparse import Namespace
from collections import Counter
from dataclasses import fields
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from etl import datasets
from etl.database.migrate import alembic_config
from etl.dialect import Dialect
from etl.errors import UsageError
from etl.screen.reader import place
from etl.settings import IN_IMAGE, Settings
from etl.undeclared.formats import Format
from etl.undeclared.inspection import ColumnFacts, Inspection
from etl.undeclared.names import table_name

if TYPE_CHECKING:
    from alembic.script import Script

# (anotación, tipo de SQLAlchemy) de cada tipo de Arrow; los de texto y decimal dependen de los valores.
PYTHON_TYPES = {
    pa.int64(): ("int", "BigInteger"),
    pa.bool_(): ("bool", ""),
    pa.date32(): ("date", ""),
    pa.timestamp("us"): ("datetime", ""),
}
SQL_TYPES = {"BigInteger", "Numeric", "String", "Text"}
COMMENT_WIDTH = 98
# Nombres que la clase ya usa para otra cosa.
TAKEN = ("metadata", "registry", "files", "dialect", "on_repeat", "load_id", "line", "date", "datetime")


def declaration(inspection: Inspection) -> str:
    """El texto de la declaración, con formato y comentado."""
    key = key_column(inspection)
    dialect = file_dialect(inspection)
    columns = [_column(column, column is key, dialect) for column in inspection.columns]
    body = "\n".join(columns)
    table = table_name(inspection.source.table_stem)
    parts = [
        f'"""{inspection.source.name}. Grano: una fila por … (complételo)."""\n',
        _imports(body, key is None, dialect),
        f'\nclass {_class_name(table)}(Dataset):\n    """Escrita por «etl new»: revise tipos, reglas y clave."""\n',
        f'    __tablename__ = "{table}"',
        *_no_key(key),
        f'    files = "{_pattern(inspection)}"',
        *([f"    dialect = {_dialect_text(dialect)}"] if dialect != Dialect() else []),
        "",
        body,
        "",
    ]
    return "\n".join(parts)


def key_column(inspection: Inspection) -> ColumnFacts | None:
    """La primera columna sin nulos ni repetidos que puede ser una clave; `None` si no hay ninguna."""
    for column in inspection.columns:
        whole = pa.types.is_integer(column.plan.type) or pa.types.is_string(column.plan.type)
        if whole and column.count and not column.nulls and column.distinct == column.count:
            return column
    return None


def file_dialect(inspection: Inspection) -> Dialect:
    """Un solo dialecto para el archivo: sus decimales y sus fechas son los de la mayoría de columnas."""
    formats = [column.plan.format for column in inspection.columns if column.plan.format]
    decimals = [item for item in formats if pa.types.is_decimal(item.type) and "decimal" in item.name]
    dates = [item for item in formats if pa.types.is_temporal(item.type)]
    detected = inspection.found.detected
    if detected is not None and detected.delimiter == " ":
        raise UsageError("Un archivo de columnas alineadas con espacios no se declara.", "Guárdelo como CSV.")
    values: dict[str, object] = {}
    if decimals:
        style = _most_common(decimals).dialect
        values |= {"decimal": style.decimal, "thousands": style.thousands}
    if dates:
        values["date_format"] = _most_common(dates).dialect.date_format
    if detected is not None:
        values |= _shape(inspection)
    return Dialect(**values)  # type: ignore[arg-type]


def _shape(inspection: Inspection) -> dict[str, object]:
    """Separador, comillas y cabecera. Una cabecera de varias filas, o dañada, se salta: van por orden."""
    detected = inspection.found.detected
    assert detected is not None
    dialect = detected.dialect
    plain = detected.header_rows == 1 and not detected.unnamed
    return {
        "delimiter": detected.delimiter,
        "quote": dialect.quote,
        "escape": dialect.escape,
        "encoding": "utf-8" if dialect.encoding == "utf-8-sig" else dialect.encoding,
        "header": plain,
        "preamble_rows": dialect.preamble_rows + (0 if plain else detected.header_rows),
    }


def _most_common(formats: list[Format]) -> Format:
    return Counter(formats).most_common(1)[0][0]


def _column(column: ColumnFacts, is_key: bool, dialect: Dialect) -> str:
    """Una línea de la clase; lo dudoso queda en texto con su porqué encima."""
    annotation, sql_type = _types(column, dialect)
    if column.nulls:
        annotation += " | None"
    name, attribute = column.plan.name, _attribute(column.plan.name)
    arguments = [f'"{name}"'] if attribute != name else []
    arguments += [sql_type] if sql_type else []
    if is_key:
        arguments += ["primary_key=True", *(["autoincrement=False"] if annotation == "int" else [])]
    value = f" = mapped_column({', '.join(arguments)})" if arguments else ""
    comment = _comment(column.plan.warning or "")
    return f"{comment}    {attribute}: Mapped[{annotation}]{value}"


def _comment(text: str) -> str:
    return "".join(f"    # {line}\n" for line in wrap(text, COMMENT_WIDTH))


def _types(column: ColumnFacts, dialect: Dialect) -> tuple[str, str]:
    plan = column.plan
    if plan.jsonb:
        return "dict[str, Any]", "JSONB"
    if pa.types.is_decimal(plan.type) and _same_style(plan.format, dialect):
        return "Decimal", f"Numeric({min(38, 10 + plan.type.scale)}, {plan.type.scale})"
    if plan.type in PYTHON_TYPES and _same_style(plan.format, dialect):
        return PYTHON_TYPES[plan.type]
    length = next((size for size in (10, 20, 40, 80, 200, 500) if column.longest <= size), None)
    return "str", f"String({length})" if length else "Text"


def _same_style(found: Format | None, dialect: Dialect) -> bool:
    """Si el dialecto del archivo lee bien esta columna; un archivo puede escribir fechas de dos maneras."""
    if found is None or pa.types.is_integer(found.type) or pa.types.is_boolean(found.type):
        return True
    if pa.types.is_temporal(found.type):
        return found.dialect.date_format == dialect.date_format
    return found.dialect.decimal == dialect.decimal


def _attribute(name: str) -> str:
    """Un nombre que Python admite: las palabras reservadas llevan un guion bajo detrás."""
    return f"{name}_" if keyword.iskeyword(name) or name in TAKEN else name


def _no_key(key: ColumnFacts | None) -> list[str]:
    if key is not None:
        return []
    return [
        "    # Ninguna columna identifica la fila: la clave es su sitio en el archivo. Ponga la suya si la hay.",
        '    __table_args__ = (PrimaryKeyConstraint("_load_id", "_line"),)',
    ]


def _class_name(table: str) -> str:
    return "".join(word.capitalize() for word in table.split("_")) or "Tabla"


def _pattern(inspection: Inspection) -> str:
    """El patrón de nombres: el mismo archivo y los que solo añadan algo detrás («ventas_2025»)."""
    return re.sub(r"([\[*?])", r"[\1]", inspection.source.stem).replace('"', "?").replace("\\", "?") + "*"


def _dialect_text(dialect: Dialect) -> str:
    """Solo lo que no es lo normal: `Dialect(delimiter=";", decimal=",")`."""
    plain = Dialect()
    changed = [
        f"{item.name}={_literal(getattr(dialect, item.name))}"
        for item in fields(Dialect)
        if getattr(dialect, item.name) != getattr(plain, item.name)
    ]
    return f"Dialect({', '.join(changed)})"


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _imports(body: str, no_key: bool, dialect: Dialect) -> str:
    """Lo que la clase usa, en el orden que pide el estilo."""
    words = set(re.findall(r"\w+", re.sub(r"#.*", "", body)))
    dates = sorted(words & {"date", "datetime"})
    standard = [f"from datetime import {', '.join(dates)}"] if dates else []
    standard += ["from decimal import Decimal"] if "Decimal" in words else []
    standard += ["from typing import Any"] if "JSONB" in words else []
    types = sorted((words & SQL_TYPES) | ({"PrimaryKeyConstraint"} if no_key else set()))
    names = ["Mapped", *(["mapped_column"] if "mapped_column" in words else [])]
    others = [f"from sqlalchemy import {', '.join(types)}"] if types else []
    others += ["from sqlalchemy.dialects.postgresql import JSONB"] if "JSONB" in words else []
    others += [f"from sqlalchemy.orm import {', '.join(names)}"]
    own = ["from etl.dataset import Dataset"]
    own += ["from etl.dialect import Dialect"] if dialect != Dialect() else []
    blocks = ["\n".join(block) for block in (standard, others, own) if block]
    return "\n\n".join(blocks) + "\n"


def write(inspection: Inspection, settings: Settings) -> list[Path]:
    """Escribe la declaración y su migración; devuelve los archivos nuevos.

    Lanza `UsageError` si la tabla ya está declarada. La base de datos tiene que estar al día.
    """
    table = table_name(inspection.source.table_stem)
    folder = Path(datasets.__file__).parent
    path = folder / f"{table}.py"
    if path.exists():
        raise UsageError(f"Ya existe «{path}».", "Corríjalo, o bórrelo para escribirlo de nuevo.")
    try:
        path.write_text(declaration(inspection), encoding="utf-8")
        _register(folder / "__init__.py", table)
    except OSError as error:
        raise UsageError(
            f"No se puede escribir «{path}»: {error.strerror}.", _let_write(inspection)
        ) from error
    importlib.import_module(f"etl.datasets.{table}")
    return [path, _revision(settings, table)]


def _let_write(inspection: Inspection) -> str:
    if not IN_IMAGE:
        return "Mire de quién es esa carpeta."
    # Con `migrate`, que entra como dueño: la migración sale de comparar con sus tablas.
    return (
        "En el contenedor, el código es de solo lectura. Para dejar que lo escriba esta vez:"
        f" CODE_MODE=rw docker compose run --rm migrate etl new {place(inspection.source.path)}"
    )


def _register(index: Path, table: str) -> None:
    """Añade la clase a `datasets/__init__.py`, en su sitio del orden alfabético."""
    text = index.read_text(encoding="utf-8")
    lines = re.findall(r"^from etl\.datasets\..*$", text, re.MULTILINE)
    imports = sorted([*lines, f"from etl.datasets.{table} import {_class_name(table)}"])
    names = sorted(line.split(" import ")[1] for line in imports)
    listed = ", ".join(f'"{name}"' for name in names)
    header = text[: text.index(lines[0])]
    index.write_text(header + "\n".join(imports) + f"\n\n__all__ = [{listed}]\n", encoding="utf-8")


def _revision(settings: Settings, table: str) -> Path:
    from alembic import command

    config = alembic_config(settings)
    config.cmd_opts = Namespace(quiet=True)  # su «Generating...» no le dice nada a quien lee
    script = command.revision(config, f"tabla {table}", autogenerate=True)
    return Path(cast("Script", script).path)
