"""De un archivo sin declarar a una declaración: el texto de la clase (`etl new`).

Entra lo que vio `inspection.py`; sale el texto de `declared/<tabla>.py`, listo para corregir. Lo que no se puede
saber mirando el archivo (la clave, el sentido de «1.234») va en un comentario, junto a su columna.
"""

import json
import keyword
import re
from dataclasses import fields
from pathlib import Path
from statistics import mode
from textwrap import wrap

import pyarrow as pa

from etl.dataset import Dataset
from etl.dialect import Dialect
from etl.errors import UsageError
from extras.undeclared.formats import NESTED, Format
from extras.undeclared.inspection import ColumnFacts, Inspection
from extras.undeclared.names import table_of

# (anotación, tipo de SQLAlchemy) de cada tipo de Arrow; los de texto y decimal dependen de los valores.
PYTHON_TYPES = {
    pa.int64(): ("int", "BigInteger"),
    pa.float64(): ("float", ""),
    pa.bool_(): ("bool", ""),
    pa.date32(): ("date", ""),
    pa.timestamp("us"): ("datetime", ""),
}
SQL_TYPES = {"BigInteger", "Numeric", "String", "Text"}
COMMENT_WIDTH = 98
# Nombres que la clase pone o usa en sus anotaciones; los que hereda se le preguntan a ella.
TAKEN = ("files", "int", "str", "bool", "dict", "date", "datetime", "mapped_column")
NO_KEY = """\
    # {}: la clave es su sitio en el archivo. Ponga la suya si la hay.
    __table_args__ = (PrimaryKeyConstraint("_load_id", "_line"),)"""
# Un archivo puede llamarse con 255 caracteres; en la primera línea, con estos se sabe cuál es.
TITLE = 80


def declaration(inspection: Inspection, class_name: str) -> str:
    """El texto de la declaración, con formato y comentado. Lo que viene del archivo va siempre en un literal."""
    key = key_column(inspection)
    dialect = file_dialect(inspection)
    columns = [_column(column, column is key, dialect) for column in inspection.columns]
    body = "\n".join(columns)
    parts = [
        f'"""{_escaped(inspection.source.name[:TITLE])}. Grano: una fila por … (complételo)."""\n',
        _imports(body, key is None, dialect),
        f'\nclass {class_name}(Dataset):\n    """Escrita por «etl new»: revise tipos, reglas y clave."""\n',
        f'    __tablename__ = "{table_of(inspection.source)}"',
        *([] if key else [NO_KEY.format(_why_no_key(inspection))]),
        f"    files = {literal(_pattern(inspection))}",
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


def _why_no_key(inspection: Inspection) -> str:
    unknown = [one.plan.name for one in inspection.columns if one.distinct is None and not one.nulls]
    many = f"Son demasiadas filas para saber si se repite «{'», «'.join(unknown[:3])}»"
    return many if unknown else "Ninguna columna identifica la fila"


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
        style = mode(decimals).dialect
        values |= {"decimal": style.decimal, "thousands": style.thousands}
    if dates:
        values["date_format"] = mode(dates).dialect.date_format
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
    comment = _comment(f"Columna «{name}»: {column.plan.doubt}" if column.plan.doubt else "")
    return f"{comment}    {attribute}: Mapped[{annotation}]{value}"


def _comment(text: str) -> str:
    return "".join(f"    # {_printable(line)}\n" for line in wrap(text, COMMENT_WIDTH))


def _types(column: ColumnFacts, dialect: Dialect) -> tuple[str, str]:
    plan = column.plan
    if plan.format is NESTED:
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
    """Un nombre que Python y la clase admiten: los demás llevan un guion bajo detrás."""
    taken = keyword.iskeyword(name) or name in TAKEN or hasattr(Dataset, name)
    return f"{name}_" if taken else name


def _pattern(inspection: Inspection) -> str:
    """El patrón de nombres: el mismo archivo y los que solo añadan algo detrás («pedidos_2025»)."""
    return re.sub(r"([\[*?])", r"[\1]", Path(inspection.source.content).stem) + "*"


def _dialect_text(dialect: Dialect) -> str:
    """Solo lo que no es lo normal: `Dialect(delimiter=";", decimal=",")`."""
    plain = Dialect()
    changed = [
        f"{item.name}={literal(getattr(dialect, item.name))}"
        for item in fields(Dialect)
        if getattr(dialect, item.name) != getattr(plain, item.name)
    ]
    return f"Dialect({', '.join(changed)})"


def literal(value: object) -> str:
    """Un valor como se escribe en Python, sin nada que acabe antes de tiempo el texto ni su línea."""
    return f'"{_escaped(value)}"' if isinstance(value, str) else repr(value)


def _escaped(text: str) -> str:
    """Lo que va entre comillas dobles, una o tres; los escapes de JSON son también de Python."""
    return _printable(json.dumps(text, ensure_ascii=False)[1:-1])


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


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
