"""Entre qué claves están las filas de una carga: con eso se encuentran después sin recorrer la tabla.

Un índice de `_load_id` lo pagaría cada fila que entra; el de la clave ya está. Lo apunta `ledger.py` y lo usa
`versions.py`. Si no se sabe (claves de texto, cargas antiguas), se recorre la tabla.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from etl.schema import Table

# Las clases de valores que Arrow y PostgreSQL ordenan igual; un texto depende de la intercalación.
ORDERED = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_date, pa.types.is_timestamp)
# Lo que dice el libro de una carga, si vale: con otra declaración, las columnas de la clave podían ser de otro tipo; y si
# sus cuentas cambiaron después, a sus filas se añadió alguna.
KNOWN = sql.SQL("CASE WHEN declaration = %s AND (keys ->> 'rows')::bigint = rows_loaded THEN keys -> 'limits' END")
# De cada columna de la clave, el menor y el mayor valor.
Limits = Mapping[str, tuple[Any, Any]]


def widen(limits: dict[str, tuple[Any, Any]], rows: pa.Table, key: tuple[str, ...]) -> None:
    """Incluye en `limits` las claves de un trozo."""
    for name in key if rows.num_rows else ():
        if any(is_kind(rows[name].type) for is_kind in ORDERED):
            ends = pc.min_max(rows[name]).as_py()
            least, most = limits.get(name, (ends["min"], ends["max"]))
            limits[name] = min(least, ends["min"]), max(most, ends["max"])


def rows_of(table: Table, load_id: int, limits: Limits | None) -> sql.Composed:
    """La condición que cumplen las filas de una carga en su tabla."""
    terms: list[sql.Composable] = [sql.SQL("_load_id = {}").format(sql.Literal(load_id))]
    terms += [
        sql.SQL("{} BETWEEN {} AND {}").format(sql.Identifier(name), sql.Literal(least), sql.Literal(most))
        for name, (least, most) in (limits or {}).items()
        if name in table.key
    ]
    return sql.SQL("({})").format(sql.SQL(" AND ").join(terms))
