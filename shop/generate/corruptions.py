"""Los errores que se plantan, por archivo y con nombre: qué le pasa a la línea y cómo se cuenta.

`CORRUPTIONS["ventas"]["cantidad_texto"]` estropea una línea de ventas. Cada línea estropeada
tiene un solo error, y todas menos las de clave repetida deben acabar rechazadas.
Quién decide qué filas y cuántas: `planting.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from generate.layouts import Layout

MISSING_ID = "999999999"  # un identificador que ninguna tabla llega a tener


@dataclass(frozen=True)
class Corruption:
    """Una manera de estropear una fila.

    `spoil` recibe los campos tal como están escritos y devuelve la línea mala, sin fin de línea.
    `keeps_row`: la fila buena se queda y la mala es una línea más.
    `duplicate`: la línea nueva repite una clave; cuenta como duplicada, no como rechazada.
    Los bytes que no caben en la codificación se escriben como sustitutos («surrogateescape»).
    """

    description: str
    spoil: Callable[[list[str], Layout], str]
    keeps_row: bool = False
    duplicate: bool = False


def put(column: str, value: str, description: str) -> Corruption:
    """Cambia el valor de una columna por otro que no vale; con `{}`, añade algo al que hay."""

    def spoil(fields: list[str], layout: Layout) -> str:
        at = layout.columns.index(column)
        return layout.join([*fields[:at], value.replace("{}", fields[at]), *fields[at + 1 :]])

    return Corruption(f"`{column}`: {description}", spoil)


def repeated(column: str, value: str) -> dict[str, Corruption]:
    """La misma clave otra vez: la línea entera, y con otro valor en una columna."""
    other = put(column, value, "").spoil
    return {
        "clave_repetida_igual": Corruption(
            "la misma línea otra vez, más abajo", lambda f, layout: layout.join(f), keeps_row=True, duplicate=True
        ),
        "clave_repetida_distinta": Corruption(
            f"la misma clave más abajo con otro valor en `{column}` (vale la primera)",
            other,
            keeps_row=True,
            duplicate=True,
        ),
    }


def broken_lines(text_column: str, other_delimiter: str) -> dict[str, Corruption]:
    """Los errores de forma que puede tener cualquier CSV."""
    return {
        "campo_de_menos": Corruption("falta el último campo", lambda f, layout: layout.join(f[:-1])),
        "campo_de_mas": Corruption("sobra un separador", lambda f, layout: layout.join([*f, ""])),
        "otro_separador": Corruption(f"separada con `{other_delimiter}`", lambda f, layout: other_delimiter.join(f)),
        "comilla_suelta": put(text_column, '{}" x', "comilla suelta en mitad del texto"),
        "comilla_sin_cerrar": put(text_column, '"{}', "comilla que se abre y no se cierra"),
        "byte_nulo": put(text_column, "{}\0", "byte NUL"),
        "cabecera_repetida": Corruption("la cabecera otra vez", lambda f, layout: layout.header, keeps_row=True),
    }


def named(*corruptions: tuple[str, str, str, str]) -> dict[str, Corruption]:
    """Errores de valor, de una tabla de (nombre, columna, valor malo, descripción)."""
    return {name: put(column, value, text) for name, column, value, text in corruptions}


CUSTOMERS = {
    **broken_lines("nombre", ";"),
    **named(
        ("byte_invalido", "nombre", "{} Mu\udcf1oz", "una «ñ» en Latin-1 dentro de un archivo UTF-8"),
        ("id_texto", "cliente_id", "C-{}", "texto donde va un entero"),
        ("id_cero", "cliente_id", "0", "cero, y empiezan en 1"),
        ("id_desbordado", "cliente_id", "99999999999", "no cabe en un entero de 32 bits"),
        ("nif_corto", "nif", "1234567Z", "ocho caracteres, falta una cifra"),
        ("nif_guion", "nif", "9123456-Z", "un guion donde va una cifra"),
        ("nombre_vacio", "nombre", "", "vacío y es obligatorio"),
        ("nombre_largo", "nombre", "{} " + "de la Santísima Trinidad " * 4, "más de 80 caracteres"),
        ("email_sin_arroba", "email", "cliente.example.com", "sin arroba"),
        ("provincia_larga", "provincia", "Provincia de {} (España), según el padrón", "más de 40 caracteres"),
        ("postal_sin_cero", "codigo_postal", "8001", "Excel se comió el cero inicial"),
        ("fecha_imposible", "fecha_alta", "2025-02-31", "31 de febrero"),
        ("fecha_otro_formato", "fecha_alta", "14/03/2023", "no es aaaa-mm-dd"),
        ("nacimiento_posterior", "fecha_nacimiento", "2025-12-31", "posterior a `fecha_alta`"),
    ),
    **repeated("provincia", "Atlántida"),
}

PRODUCTS = {
    **broken_lines("categoria", ","),
    **named(
        ("precio_texto", "precio", "consultar", "texto donde va un número"),
        ("precio_punto_decimal", "precio", "12.50", "punto decimal en lugar de coma"),
        ("precio_mal_agrupado", "precio", "1.29,00", "grupo de millares de dos cifras"),
        ("precio_negativo", "precio", "-5,00", "negativo"),
        ("precio_sin_dato", "precio", "N/D", "sin dato y es obligatorio"),
        ("precio_desbordado", "precio", "999.999.999,00", "no cabe en `numeric(10,2)`"),
        ("coste_mayor_que_precio", "coste", "88.888,00", "mayor que `precio`"),
        ("peso_nan", "peso_kg", "NaN", "NaN"),
        ("peso_cero", "peso_kg", "0,000", "cero"),
        ("categoria_desconocida", "categoria", "Juguetes", "no es una de las seis"),
        ("activo_desconocido", "activo", "quizás", "ni «sí» ni «no»"),
    ),
    **repeated("categoria", "Hogar"),
}

STORES = {
    "json_cortado": Corruption("el objeto no se cierra", lambda f, layout: layout.join(f)[:-30]),
    "json_no_objeto": Corruption("una lista en lugar de un objeto", lambda f, layout: f"[{', '.join(f)}]"),
    **named(
        ("superficie_texto", "superficie_m2", '"grande"', "texto donde va un número"),
        ("superficie_objeto", "superficie_m2", '{"valor": 300}', "un objeto donde va un número"),
        ("superficie_cero", "superficie_m2", "0", "cero"),
        ("nombre_nulo", "nombre", "null", "nulo y es obligatorio"),
        ("id_decimal", "tienda_id", "{}.5", "decimal donde va un entero"),
        ("fecha_imposible", "fecha_apertura", '"2023-02-29"', "2023 no fue bisiesto"),
        ("latitud_fuera", "latitud", "140.0", "más de 90 grados"),
        ("longitud_nan", "longitud", "NaN", "NaN, que ni siquiera es JSON"),
    ),
    **repeated("ciudad", '"Macondo"'),
}

SALES = {
    **broken_lines("canal", ";"),
    **named(
        ("id_vacio", "venta_id", "", "vacío y es la clave"),
        ("id_desbordado", "venta_id", "99999999999999999999", "no cabe en un entero de 64 bits"),
        ("fecha_imposible", "fecha_venta", "31/02/2025", "31 de febrero"),
        ("fecha_mes_13", "fecha_venta", "13/13/2025", "mes 13"),
        ("fecha_otro_formato", "fecha_venta", "2025-06-15", "no es dd/mm/aaaa"),
        ("fecha_vacia", "fecha_venta", "", "vacía y es obligatoria"),
        ("cantidad_texto", "cantidad", "dos", "texto donde va un entero"),
        ("cantidad_negativa", "cantidad", "-{}", "negativa"),
        ("cantidad_decimal", "cantidad", "{}.5", "decimal donde va un entero"),
        ("cantidad_excesiva", "cantidad", "5000", "más de 1000"),
        ("precio_texto", "precio_unitario", "gratis", "texto donde va un número"),
        ("precio_coma_decimal", "precio_unitario", '"12,50"', "coma decimal en lugar de punto"),
        ("precio_con_millares", "precio_unitario", '"1,250.00"', "separador de millares"),
        ("precio_cero", "precio_unitario", "0.00", "cero"),
        ("precio_nan", "precio_unitario", "NaN", "NaN"),
        ("precio_infinito", "precio_unitario", "Infinity", "infinito"),
        ("precio_desbordado", "precio_unitario", "12345678901.00", "no cabe en `numeric(10,2)`"),
        ("descuento_excesivo", "descuento_pct", "150.00", "más de 100"),
        ("canal_desconocido", "canal", "fax", "ni tienda, ni web, ni telefono"),
        ("canal_con_acento", "canal", "teléfono", "con acento, y se escribe `telefono`"),
        ("cliente_inexistente", "cliente_id", MISSING_ID, "no existe en clientes"),
        ("producto_inexistente", "producto_id", MISSING_ID, "no existe en productos"),
        ("tienda_inexistente", "tienda_id", MISSING_ID, "no existe en tiendas"),
    ),
    **repeated("cantidad", "7"),
}

CORRUPTIONS = {"clientes": CUSTOMERS, "productos": PRODUCTS, "tiendas": STORES, "ventas": SALES}


def sales_of_rejected(customer: int, product: int, store: int) -> dict[str, Corruption]:
    """Ventas cuyo cliente, producto o tienda está en su archivo, pero ahí mismo fue rechazado."""
    return named(
        ("cliente_rechazado", "cliente_id", str(customer), "su fila de clientes fue rechazada"),
        ("producto_rechazado", "producto_id", str(product), "su fila de productos fue rechazada"),
        ("tienda_rechazada", "tienda_id", str(store), "su fila de tiendas fue rechazada"),
    )


# Lo que deja al final de algunos archivos quien suma en la hoja de cálculo.
FOOTER = "pie_total"
FOOTER_DESCRIPTION = "una línea de totales al final, tras una en blanco (que no es una fila)"


def footer(layout: Layout, rows: int) -> str:
    """La línea de totales: tantos campos como las demás, casi todos vacíos."""
    return layout.join(["Total", str(rows), *[""] * (len(layout.columns) - 2)])
