"""Filas buenas de cada archivo que declaran las pruebas (tests/own), cargarlas y ver qué quedó."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from declared.clientes import Cliente
from declared.productos import Producto
from declared.tiendas import Tienda
from declared.ventas import Venta
from etl.declarations import in_order
from etl.extract.source import Source
from etl.load.ledger import Counts
from etl.one_file import load_declared
from etl.pipeline import run
from etl.run import FileResult, Progress, RunResult, open_session
from etl.schema import Declared
from etl.settings import Settings
from support import connect_settings
from wiring import assemble

PARTS = assemble()

CLIENTES = "cliente_id,nif,nombre,email,provincia,codigo_postal,fecha_alta,fecha_nacimiento\n"
PRODUCTOS = "producto_id;nombre;categoria;precio;coste;peso_kg;activo\n"
VENTAS = "venta_id,fecha_venta,cliente_id,producto_id,tienda_id,cantidad,precio_unitario,descuento_pct,canal\n"


def cliente(number: int | str, nombre: str = "Ana", **changes: str) -> str:
    """Una línea de clientes.csv, buena salvo por lo que se cambie."""
    row = {
        "cliente_id": str(number), "nif": "12345678Z", "nombre": nombre, "email": "", "provincia": "Cuenca",
        "codigo_postal": "16001", "fecha_alta": "2024-01-15", "fecha_nacimiento": "",
    }  # fmt: skip
    return ",".join((row | changes).values()) + "\n"


def producto(number: int, **changes: str) -> str:
    row = {
        "producto_id": str(number), "nombre": "Pan", "categoria": "Alimentación", "precio": "1,20",
        "coste": "0,40", "peso_kg": "0,500", "activo": "sí",
    }  # fmt: skip
    return ";".join((row | changes).values()) + "\n"


def tienda(number: int) -> str:
    return (
        f'{{"tienda_id": {number}, "nombre": "Centro", "ciudad": "Cuenca", "provincia": "Cuenca", "superficie_m2": 100.5,'
        ' "fecha_apertura": "2020-01-01", "latitud": 40.07, "longitud": -2.13}\n'
    )


def venta(number: int | str, **changes: str) -> str:
    row = {
        "venta_id": str(number), "fecha_venta": "31/01/2025", "cliente_id": "", "producto_id": "1", "tienda_id": "1",
        "cantidad": "2", "precio_unitario": "1.20", "descuento_pct": "0", "canal": "web",
    }  # fmt: skip
    return ",".join((row | changes).values()) + "\n"


def write(settings: Settings, name: str, *content: str | bytes) -> Path:
    """Un archivo en datos/, con su contenido en UTF-8 salvo lo que ya sean bytes."""
    path = settings.datos_dir / name
    path.write_bytes(b"".join(part.encode() if isinstance(part, str) else part for part in content))
    return path


def write_parents(settings: Settings) -> None:
    """Un producto y una tienda, para que una venta tenga a qué apuntar."""
    write(settings, "productos.csv", (PRODUCTOS + producto(1)).encode("latin-1"))
    write(settings, "tiendas.jsonl", tienda(1))


def silent(_source: Source, _bytes: int, _counts: Counts) -> None:
    """Sin avance."""


def load(settings: Settings, *paths: Path, progress: Progress = silent, datasets: Sequence[Any] = ()) -> RunResult:
    """`etl run` en este proceso."""
    tables = in_order(datasets or [Cliente, Producto, Tienda, Venta])
    return run_with(settings, tables, *paths, progress=progress)


def run_with(
    settings: Settings,
    tables: list[Declared],
    *paths: Path,
    progress: Progress = silent,
    as_text: bool = False,
    engine: str = "local",
    announce: Callable[[str], None] = print,
) -> RunResult:
    """`etl run` en este proceso, con estas declaraciones: con ninguna, todo va a `staging`."""
    with open_session(settings, engine, progress, announce) as session:
        return run(session, list(paths), tables, PARTS, as_text)


def load_one(settings: Settings, name: str, *content: str | bytes) -> FileResult:
    """Escribe un archivo, lo carga y devuelve qué fue de él."""
    path = write(settings, name, *content)
    return load(settings, path).files[0]


def query(settings: Settings, text: str, *parameters: Any) -> list[Any]:
    """El resultado de una consulta; si solo tiene una columna, sus valores sueltos."""
    with connect_settings(settings) as connection:
        rows = connection.execute(text, parameters or None).fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]


def clientes(settings: Settings) -> list[tuple[int, str]]:
    return query(settings, "SELECT cliente_id, nombre FROM datos.clientes ORDER BY 1")


def rejects(settings: Settings) -> list[tuple[int, str, str | None]]:
    """Línea, motivo y columna de cada fila en cuarentena."""
    return query(settings, "SELECT line, code, column_name FROM etl.rejects ORDER BY load_id, line")


def numbers(result: FileResult) -> tuple[int, int, int, int, int]:
    """Leídas, cargadas, actualizadas, duplicadas y rechazadas."""
    counts = result.counts
    return counts.read, counts.loaded, counts.updated, counts.duplicate, counts.rejected


def load_as(settings: Settings, path: Path, declared: Declared) -> FileResult:
    """Carga un archivo de la carpeta con otra tabla, u otra escritura, que las que se declararon."""
    with open_session(settings, "local", silent, print) as session, PARTS.engines["local"](session, []) as load_rows:
        (source,) = PARTS.members(path, path.name, [])
        return load_declared(session, source, declared, load_rows, PARTS)
