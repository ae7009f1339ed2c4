"""Carpetas partidas como las de Hive y Spark, «consumos/anio=2023/mes=1/part-0.parquet»: una sola tabla.

Entra una de sus partes y sale una copia con las filas de todas, fuera de la carpeta de datos, que dura lo que el
programa; lo que dicen los nombres de las carpetas son sus primeras columnas. Las partes son Parquet, o CSV en UTF-8
con la misma cabecera; las que no se saben juntar quedan como archivos sueltos.
"""

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

from etl.errors import FileRefused
from etl.extract.discover import is_data_name

MARKS = (",", ";", "\t", "|")
PARQUET, CSV = ".parquet", ".csv"
WHOLE = re.compile("0|[1-9][0-9]{0,17}")
# Como escribe Hive una columna sin valor en el nombre de una carpeta.
NULL = "__HIVE_DEFAULT_PARTITION__"
# Dónde guarda la copia, que es un Parquet, lo que hay que saber de sus partes.
WARNING = b"etl:aviso"
NOT_EQUAL = "Sus partes no tienen las mismas columnas: se juntan por su nombre, y en las que falta una queda nula."

# Los valores de una parte, por columna.
Values = dict[str, str | None]


def partitioned(path: Path, name: str) -> tuple[Path, str] | None:
    """La carpeta partida en que está `path`, si está en una, y su nombre; `name` es el de `path`.

    La carpeta de datos, de la que ese nombre no dice nada, no es una de ellas.
    """
    *folders, _ = name.split("/")
    depth = len(list(takewhile(lambda folder: "=" in folder, reversed(folders))))
    return (path.absolute().parents[depth], "/".join(folders[:-depth])) if 0 < depth < len(folders) else None


@cache
def joined(root: Path) -> Path | None:
    """La copia con las filas de todas las partes de `root`; `None` si no se saben juntar."""
    parts = [path for path in sorted(root.rglob("*")) if not path.is_dir() and _is_data(path, root)]
    if not parts or not all(path.is_file() for path in parts):
        return None
    values = [_values(path, root) for path in parts]
    alike = len({tuple(found) for found in values}) == 1 and len({path.suffix for path in parts}) == 1
    if not alike or any(path.is_symlink() for path in parts):  # un enlace puede salir de la carpeta de datos
        return None
    folder = Path(tempfile.mkdtemp(prefix="etl-partes-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / f"{root.name.removesuffix(parts[0].suffix)}{parts[0].suffix}"
    try:
        join = {PARQUET: _join_parquet, CSV: _join_csv}[parts[0].suffix.lower()]
        join(copy, parts, values)
    except (KeyError, ValueError, OSError, pa.ArrowException, FileRefused):  # por separado se verá qué les pasa
        return None
    return copy


def _is_data(path: Path, root: Path) -> bool:
    hidden = any(name.startswith(".") for name in path.relative_to(root).parts)
    return is_data_name(path.name) and not hidden


def _values(path: Path, root: Path) -> Values:
    pairs = (name.partition("=") for name in path.relative_to(root).parts[:-1])
    return {unquote(name): None if value == NULL else unquote(value) for name, _, value in pairs}


def _join_parquet(copy: Path, parts: list[Path], values: list[Values]) -> None:
    from pyarrow import parquet

    from extras.formats.parquet import open_parquet

    files = [open_parquet(part) for part in parts]
    schemas = [one.file.schema_arrow.remove_metadata() for one in files]
    shapes = {(part.parent, frozenset(one.names)) for part, one in zip(parts, schemas, strict=True)}
    if len(shapes) > len({part.parent for part in parts}):
        raise ValueError("en una misma carpeta hay tablas distintas")
    added = pa.schema([(name, _type_of([one[name] for one in values])) for name in values[0]])
    own = pa.unify_schemas(schemas, promote_options="permissive")
    if set(added.names) & set(own.names):
        raise ValueError("la columna está también en las partes")
    metadata = None if all(one.equals(own) for one in schemas) else {WARNING: NOT_EQUAL.encode()}
    empty = pa.schema([*added, *own], metadata).empty_table()
    with parquet.ParquetWriter(copy, empty.schema) as writer:
        for one, known in zip(files, values, strict=True):
            for batch in one.batches():
                rows = pa.Table.from_batches([batch])
                for field in added:
                    rows = rows.append_column(field, pa.array([known[field.name]] * len(rows)).cast(field.type))
                writer.write_table(pa.concat_tables([empty, rows], promote_options="permissive"))


def _type_of(values: list[str | None]) -> pa.DataType:
    """Entera solo si todos lo son y ninguno lleva ceros delante."""
    return pa.int64() if all(value is None or WHOLE.fullmatch(value) for value in values) else pa.string()


def _join_csv(copy: Path, parts: list[Path], values: list[Values]) -> None:
    """Cada línea, tal cual, detrás de los valores de su parte. Lanza `ValueError` si una no se puede juntar así."""
    headers: set[str] = set()
    with copy.open("w", encoding="utf-8", newline="") as file:
        for part, known in zip(parts, values, strict=True):
            lines = _lines(part)
            header = next(lines, "")
            marks = [mark for mark in MARKS if mark in header]
            mark = (marks or MARKS)[0]
            if not headers:
                file.write(_cells(list(known), mark) + header + "\n")
            headers.add(header)
            if len(headers) > 1 or not header or len(marks) > 1:
                raise ValueError("otra cabecera, o no se sabe con qué separa")
            start = _cells(list(known.values()), mark)
            for line in lines:
                if line and (mark not in line if marks else any(one in line for one in MARKS)):
                    raise ValueError("no separa como la cabecera")
                file.write(start + line + "\n" if line else "\n")


def _lines(part: Path) -> Iterator[str]:
    with part.open(encoding="utf-8-sig", newline="\n") as file:
        for line in file:
            if line.count('"') % 2 or "\0" in line:
                raise ValueError("un campo ocupa varias líneas, o es UTF-16")
            yield line.rstrip("\r\n")


def _cells(values: list[str | None], mark: str) -> str:
    texts = [value or "" for value in values]
    if any(set(text) & set('",;\t|\r\n') for text in texts):
        raise ValueError("hay que entrecomillarlo")
    return "".join(text + mark for text in texts)
