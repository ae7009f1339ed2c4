"""Un archivo con varias tablas dentro (libro de Excel, SQLite) -> un `Source` por tabla.

Una hoja vacía no cuenta. Si el archivo no se puede abrir se devuelve entero: al cargarlo se
rechazará diciendo por qué. Los `.zip` los reparte `formats/archives.py`, porque valen también para lo declarado.
"""

from dataclasses import replace

from etl.extract.source import Source
from extras.formats.readers import EXCEL, SQLITE


def parts(source: Source) -> list[Source]:
    """Las tablas de un archivo; él mismo si solo tiene una, o si no es de los que tienen varias."""
    if (source.unpack and source.inside) or source.refusal or not source.path.is_file():
        return [source]
    try:
        names = _names(source)
    except Exception:  # noqa: BLE001 - sea lo que sea, se verá otra vez al cargarlo
        return [source]
    if len(names) <= 1 and source.suffix in EXCEL:
        # Una sola hoja con datos: la tabla se llama como el libro.
        return [replace(source, part_name=names[0] if names else None)]
    return [
        replace(source, name=f"{source.name}/{name}", inside=f"/{name}", part=name, part_name=name) for name in names
    ] or [source]


def _names(source: Source) -> list[str]:
    if source.suffix in EXCEL:
        from extras.formats.excel import sheet_names

        return sheet_names(source.path)
    if source.suffix in SQLITE:
        from extras.formats.sqlite import table_names

        return table_names(source.path, "table")
    return []
