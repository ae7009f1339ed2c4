"""Las entradas malas de la lista, escritas como ventas: nombre de archivo -> contenido.

Están las que se aplican a un archivo declarado; las que no tienen bytes (44, 46) o piden otro
dialecto (14, 24, 36) están en test_parity.py, y lo que nadie declara (30, 33, 35) no llega al
clúster. Las demás (37, 38) están en own_sample.py. Todas se cargan juntas, cada una con sus
claves, detrás de los clientes, productos y tiendas de ejemplo.
"""

import gzip
import io
import zipfile

HEADER = "venta_id,fecha_venta,cliente_id,producto_id,tienda_id,cantidad,precio_unitario,descuento_pct,canal\n"
ROWS = 300  # unos 13 kB: con trozos de 4 kB, varias tareas por archivo


def rows(first: int, count: int = ROWS) -> list[str]:
    """Ventas correctas, con claves desde `first`."""
    return [
        f"{first + number},{number % 28 + 1:02}/01/2025,,{number % 50 + 1},{number % 20 + 1},{number % 9 + 1},"
        f"{number % 90 + 1}.50,0,web\n"
        for number in range(count)
    ]


def text(key: int, at: int = 150, *lines: str) -> str:
    """Un archivo correcto con unas líneas metidas en medio."""
    good = rows(key * 1000 + 1_000_000)
    return HEADER + "".join([*good[:at], *lines, *good[at:]])


def sale(key: int, **changes: str) -> str:
    """Una venta, con algunos valores cambiados."""
    values = {
        "venta_id": str(key * 1000 + 1_000_900), "fecha_venta": "01/02/2025", "cliente_id": "", "producto_id": "1",
        "tienda_id": "1", "cantidad": "1", "precio_unitario": "2.50", "descuento_pct": "0", "canal": "web",
    }  # fmt: skip
    return ",".join((values | changes).values()) + "\n"


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


TRUNCATED = gzip.compress(text(45).encode())[:-200]
BAD_INPUTS = {
    # Codificación.
    "ventas_01_bom.csv": b"\xef\xbb\xbf" + text(1).encode(),
    "ventas_02_latin1.csv": text(2, 150, sale(2, canal="teléfono"), sale(2, canal="ñandú")).encode("latin-1"),
    "ventas_03_cp1252.csv": text(3, 150, sale(3, precio_unitario="5 €")).encode("cp1252"),
    "ventas_04_utf16.csv": text(4).encode("utf-16"),
    "ventas_05_mixta.csv": text(5, 150, sale(5, canal="teléfono")).encode() + b"9,\xf1,,1,1,1,1,0,web\n",
    "ventas_06_mojibake.csv": text(6, 150, *[sale(6, canal="telÃ©fono")] * 9).encode(),
    "ventas_07_nul.csv": text(7, 150, sale(7, canal="we\0b")).encode(),
    "ventas_08_cortada.csv": text(8).encode() + "9,01/01/2025,,1,1,1,1,0,telé".encode()[:-1],
    # Estructura.
    "ventas_09_vacio.csv": b"",
    "ventas_10_solo_cabecera.csv": HEADER.encode(),
    "ventas_11_sin_salto_final.csv": text(11).rstrip("\n").encode(),
    "ventas_12_cr.csv": text(12).replace("\n", "\r").encode(),
    "ventas_12_crlf.csv": text(13).replace("\n", "\r\n").encode(),
    "ventas_12_mezcla.csv": (text(14) + "".join(rows(1_014_500, 40)).replace("\n", "\r\n")).encode(),
    "ventas_13_sep.csv": b"sep=,\n" + text(50).encode(),
    "ventas_14_preambulo.csv": b"Ventas de enero\n\n" + text(51).encode(),
    "ventas_15_pie.csv": text(15, 300, "Total,,,,,300,,,\n").encode(),
    "ventas_16_dos_tablas.csv": text(52, 300, "\n", "tienda,total\n", *["1,2\n"] * 200).encode(),
    "ventas_17_dos_cabeceras.csv": text(53, 0, ",dd/mm/aaaa,,,,uds.,euros,%,\n").encode(),
    "ventas_18_sin_cabecera.csv": "".join(rows(1_054_000)).encode(),
    "ventas_19_separador_de_mas.csv": text(19, 150, sale(19).replace("\n", ",\n")).encode(),
    "ventas_20_separador_de_menos.csv": text(20, 150, "1,2,3\n", sale(20)).encode(),
    "ventas_21_comilla_sin_cerrar.csv": text(21, 150, sale(21, canal='"web'), sale(22)).encode(),
    "ventas_22_comilla_suelta.csv": text(22, 150, sale(23, canal='we"b'), sale(24)).encode(),
    "ventas_23_salto_entre_comillas.csv": text(23, 150, *[sale(25, canal='"we\n\nb"')] * 30).encode(),
    "ventas_25_cabecera_repetida.csv": text(25, 150, HEADER).encode(),
    "ventas_26_campo_enorme.csv": text(26, 150, sale(26, canal="x" * 2_000_000)).encode(),
    "ventas_lineas_en_blanco.csv": text(28, 150, "\n", "\n", sale(28)).encode(),
    "ventas_otro_separador.csv": text(29, 150, sale(29).replace(",", " ")).encode(),
    # Cabeceras.
    "ventas_27_repetida.csv": text(27).replace("canal", "cantidad", 1).encode(),
    "ventas_28_sin_nombre.csv": text(28).replace("canal", "", 1).encode(),
    "ventas_29_mayusculas.csv": text(30).replace("venta_id", "Venta_ID", 1).encode(),
    "ventas_29_falta.csv": text(31).replace("canal", "otra", 1).encode(),
    "ventas_31_de_mas.csv": text(55).replace("canal", 'canal,"""; DROP TABLE"', 1).replace(",web", ",web,x").encode(),
    # Valores.
    "ventas_32_miles.csv": text(32, 150, sale(32, precio_unitario='"1.234,56"')).encode(),
    "ventas_34_fecha.csv": text(34, 150, sale(34, fecha_venta="31/02/2025"), sale(35, fecha_venta="1/2/25")).encode(),
    "ventas_39_numeros.csv": text(
        39, 150, sale(39, cantidad="NaN"), sale(40, precio_unitario="Infinity"), sale(41, cantidad="9" * 30),
        sale(42, precio_unitario="99999999.999"), sale(43, cantidad="0x1F"), sale(44, cantidad="+7"),
    ).encode(),
    "ventas_40_formula.csv": text(40, 150, sale(45, canal="=cmd|x")).encode(),
    "ventas_41_clave_repetida.csv": text(41, 150, *[sale(46, cantidad=str(n)) for n in range(1, 200)]).encode(),
    "ventas_42_huerfanas.csv": text(
        42, 150, sale(47, producto_id="999999"), sale(48, tienda_id="999", producto_id="999999"),
        sale(47), sale(47, cantidad="5"), sale(49, cliente_id="88888888"),
    ).encode(),
    # Archivos.
    "ventas_45_cortado.csv.gz": TRUNCATED,
    "ventas_45_correcto.csv.gz": gzip.compress(text(46).encode()),
    "ventas_47_igual_que_otro.csv": text(40, 150, sale(45, canal="=cmd|x")).encode(),
    "ventas_43_zip_en_zip.zip": zipped("ventas_dentro.zip", zipped("ventas_zip.csv", text(56).encode())),
    "ventas_44_sale_de_la_carpeta.zip": zipped("../ventas_fuera.csv", text(57).encode()),
    "ventas_48_en_zip.zip": zipped("ventas_zip.csv", text(48).encode()),
    "ventas_48_--raro.csv": text(49).encode(),
}  # fmt: skip
