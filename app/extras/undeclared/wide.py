"""Archivos con más columnas de las que admite una tabla: las que no caben van juntas en una JSONB.

PostgreSQL admite 1.600 columnas y filas de unos 8 KB en la página. Entran los planes de todas las
columnas; salen los que caben y los que no, y una función que junta los valores de estos.
"""

import json

import pyarrow as pa
import pyarrow.compute as pc

from extras.undeclared.infer import Plan

# Una fila no puede partirse entre páginas de 8.192 bytes; se descuentan cabeceras y mapa de nulos.
BUDGET = 7_700
# 1.600 es el límite de PostgreSQL; se guardan sitios para _load_id, _line y la JSONB.
MAX_COLUMNS = 1_590
TEXT_BYTES, DECIMAL_BYTES = 24, 12
_ENCODER = json.JSONEncoder(ensure_ascii=False)
PACKED = Plan("otras_columnas", pa.string(), jsonb=True)


def split_columns(plans: list[Plan], budget: int = BUDGET) -> tuple[list[Plan], list[Plan]]:
    """Las columnas que caben en una fila, por orden, y las demás."""
    spent = 0
    for number, plan in enumerate(plans):
        spent += _bytes(plan)
        if number >= MAX_COLUMNS or (spent > budget and len(plans) > 1):
            return plans[:number], plans[number:]
    return plans, []


def _bytes(plan: Plan) -> int:
    """Lo que ocupa como mucho en la página: un texto largo se guarda aparte."""
    if pa.types.is_string(plan.type) or pa.types.is_binary(plan.type):
        return TEXT_BYTES
    return DECIMAL_BYTES if pa.types.is_decimal(plan.type) else plan.type.bit_width // 8 or 1


def packed_warning(packed: list[Plan]) -> str:
    """Qué columnas están en la JSONB y cómo se leen."""
    first, last = packed[0].name, packed[-1].name
    return (
        f"No caben todas en una tabla: {len(packed)} columnas, de «{first}» a «{last}», van en la columna "
        f"«{PACKED.name}»; se leen con {PACKED.name}->>'{first}'."
    )


def pack(rows: pa.Table, packed: list[Plan]) -> pa.Table:
    """Las filas con las columnas de `packed` juntas en un objeto JSON; los nulos no se escriben."""
    members = [_members(rows[plan.name], plan) for plan in packed]
    # Con un primer texto vacío: de una fila en que todo es nulo, Arrow no devuelve ni la fila.
    joined = pc.binary_join_element_wise("", *members, ",", null_handling="skip")
    whole = pc.binary_join_element_wise(pc.binary_replace_slice(joined, 0, 1, "{"), "}", "")
    inside = {plan.name for plan in packed}
    # Elegir las que quedan; quitarlas una a una copia la tabla cada vez.
    return rows.select([name for name in rows.column_names if name not in inside]).append_column(PACKED.name, whole)


def _members(values: pa.ChunkedArray, plan: Plan) -> pa.Array:
    """«"nombre": valor» de cada fila; los números, tal cual, sin pasar por coma flotante."""
    if pa.types.is_integer(plan.type) or pa.types.is_decimal(plan.type):
        texts = values.cast(pa.string()).combine_chunks()
    elif plan.jsonb:
        texts = values.combine_chunks()
    else:
        # Cada valor distinto se escribe una vez: en un panel, casi todos se repiten.
        coded = values.combine_chunks().dictionary_encode()
        texts = pa.array(map(_json, coded.dictionary.to_pylist()), pa.string()).take(coded.indices)
    return pc.binary_join_element_wise(json.dumps(plan.name), texts, ":")


def _json(value: object) -> str:
    return _ENCODER.encode(value if isinstance(value, bool) else str(value))
