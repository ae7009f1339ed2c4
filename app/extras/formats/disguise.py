"""Un archivo que por dentro no es lo que dice su nombre: un libro renombrado, una página web…

Leído como CSV daría una tabla sin sentido. Entra el principio del archivo; si se reconoce lo que es,
`FileRefused` dice qué hacer. Lo usan `read.py`, `unknown.py` y `excel.py`.
"""

import re
from codecs import BOM_UTF8

from etl.errors import FileRefused

# Muchos programas llaman .xls a una página con una tabla, o a un texto: Excel los abre igual.
SAVE_AGAIN = "Ábralo con Excel y guárdelo como libro (.xlsx)."
# Como empiezan los .xlsx y los .xls; si no se leen, es que están dañados.
WORKBOOKS = (b"PK", b"\xd0\xcf\x11\xe0")
# Los primeros bytes de cada formato, qué es y qué hacer con él.
DISGUISES = (
    (rb"PK\x03\x04", "un libro de Excel o un .zip", "Cámbiele la extensión a .xlsx o a .zip."),
    (rb"\xd0\xcf\x11\xe0", "un libro de Excel antiguo", "Cámbiele la extensión a .xls."),
    (rb"\x1f\x8b\x08", "un archivo comprimido con gzip", "Añádale la extensión .gz."),
    (rb"BZh[1-9]", "un archivo comprimido con bzip2", "Añádale la extensión .bz2."),
    (rb"\xfd7zXZ\0", "un archivo comprimido con xz", "Añádale la extensión .xz."),
    (rb"\x28\xb5\x2f\xfd", "un archivo comprimido con zstd", "Añádale la extensión .zst."),
    (rb"SQLite format 3\0", "una base de datos SQLite", "Cámbiele la extensión a .sqlite."),
    (rb"PAR1\x15", "un Parquet", "Cámbiele la extensión a .parquet."),
    (rb"%PDF-", "un PDF", "Busque los datos en CSV o en Excel."),
    (
        rb"(?i)\s*(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body)\b",
        "una página web (quizá un aviso de error o la entrada a un portal)",
        "Ábrala en el navegador y descargue el archivo de datos.",
    ),
    (rb"\s*<\?xml\b", "un XML", "Expórtelo como CSV o como JSON."),
    (rb'\s*(\[\s*)?\{\s*"(\\.|[^"\\])*"\s*:', "un JSON", "Cámbiele la extensión a .json."),
)


def refuse_disguised(sample: bytes) -> None:
    """Lanza `FileRefused` si `sample` no es el principio de un texto con columnas."""
    if found := _inside(sample):
        what, remedy = found
        raise FileRefused(f"Por su nombre es un texto con columnas, pero dentro hay {what}.", remedy)


def refuse_false_workbook(sample: bytes) -> None:
    """Lanza `FileRefused` si `sample` no es el principio de un libro de Excel, ni siquiera dañado."""
    if sample.startswith(WORKBOOKS):
        return
    if found := _inside(sample):
        what, remedy = found
        if sample.removeprefix(BOM_UTF8).lstrip().startswith(b"<"):
            remedy = SAVE_AGAIN
        raise FileRefused(f"Por su nombre es un libro de Excel, pero dentro hay {what}.", remedy)
    if sample.strip() and b"\0" not in sample:
        raise FileRefused(
            "Por su nombre es un libro de Excel, pero dentro hay un texto.", "Cámbiele la extensión a .csv."
        )


def _inside(sample: bytes) -> tuple[str, str] | None:
    """Qué hay en un archivo que empieza por `sample` y qué hacer con él, si se reconoce."""
    start = sample.removeprefix(BOM_UTF8)
    return next(((what, remedy) for pattern, what, remedy in DISGUISES if re.match(pattern, start)), None)
