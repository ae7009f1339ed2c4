"""Los formatos que no se leen: qué son y qué hacer con cada uno. Lo usa `readers.py`."""

from typing import NoReturn

from etl.errors import FileRefused

READ = "Se leen CSV, TSV, JSON, Parquet, Excel y SQLite; comprimidos, en .gz, .bz2, .xz, .zst o .zip."
TO_PARQUET = "Páselo a Parquet: import pandas; pandas.{}(«el archivo»).to_parquet(«otro.parquet»)."
REMEDIES = {
    "llevan otros dentro": ("Extráigalos en la carpeta.", ".tar", ".tgz", ".7z", ".rar"),
    "son tablas de Arrow (Feather)": (TO_PARQUET.format("read_feather"), ".feather", ".arrow"),
    "son tablas ORC": (TO_PARQUET.format("read_orc"), ".orc"),
    "son datos de Stata": (TO_PARQUET.format("read_stata"), ".dta"),
    "son datos de SAS": (TO_PARQUET.format("read_sas"), ".sas7bdat", ".xpt"),
    "son datos de SPSS": ("Guárdelos desde SPSS como CSV.", ".sav", ".zsav", ".por"),
    "son tablas Avro": ("Páselas a Parquet o a JSON.", ".avro"),
    "son bases de datos de Access": ("Exporte cada tabla como CSV o como Excel.", ".mdb", ".accdb"),
    "son volcados de una base de datos": ("Restáurelo con psql o con pg_restore.", ".sql", ".dump"),
    "no son tablas": ("Expórtelo como CSV o como JSON.", ".xml", ".html", ".htm", ".yaml", ".yml"),
    "son documentos": ("Busque los mismos datos en CSV o en Excel.", ".pdf", ".doc", ".docx", ".odt"),
}

SUFFIXES = tuple(suffix for _, *suffixes in REMEDIES.values() for suffix in suffixes)


def refuse_format(suffix: str) -> NoReturn:
    """Lanza `FileRefused` con lo que se sabe de los archivos que acaban en `suffix`."""
    for what, (remedy, *suffixes) in REMEDIES.items():
        if suffix in suffixes:
            raise FileRefused(f"Los archivos «{suffix}» no se leen: {what}.", remedy)
    raise FileRefused(f"Formato «{suffix or 'sin extensión'}» desconocido.", READ)
