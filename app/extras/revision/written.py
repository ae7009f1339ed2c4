"""Las migraciones escritas en `sql/migrations/versions`, y qué les pasa si algo está mal."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from runpy import run_path

from etl.database.connection import Connection
from etl.database.migrate import version, versions_folder
from etl.errors import UsageError, blamed
from etl.reader import order
from etl.settings import Settings

DROPS = re.compile("drop[_ ](table|column)", re.I)


@dataclass(frozen=True)
class Revision:
    """Una migración: su archivo y las que van justo antes; son dos si une dos caminos."""

    path: Path
    parents: tuple[str, ...]


def revisions(settings: Settings) -> dict[str, Revision]:
    """Las migraciones, por su nombre. Lanza `UsageError` si una no se entiende o dos se llaman igual."""
    found: dict[str, Revision] = {}
    folder = versions_folder(settings)
    for path in sorted(folder.glob("*.py")):
        with blamed("La migración", folder, path):
            said = run_path(str(path))
        name, before = said.get("revision"), said.get("down_revision") or ()
        if not isinstance(name, str):
            continue
        if name in found:
            raise UsageError(
                f"«{found[name].path.name}» y «{path.name}» son la misma migración, «{name}».",
                "Cambie «revision» en la que aún no haya aplicado (y el nombre del archivo), y repita la orden.",
            )
        found[name] = Revision(path, (before,) if isinstance(before, str) else tuple(before))
    return found


def heads(known: dict[str, Revision]) -> list[str]:
    """Las migraciones de las que no sale ninguna: una, salvo que se junten las de dos personas."""
    parents = {parent: one.path for one in known.values() for parent in one.parents}
    for name in parents.keys() - known.keys():
        raise UsageError(
            f"Falta el archivo de la migración «{name}», a la que sigue «{parents[name].name}».",
            f"Si se aplicó, {order('revision')} lo recupera; si no, recupérelo de git.",
        )
    return sorted(known.keys() - parents.keys())


def last_known(known: dict[str, Revision], applied: str | None) -> str:
    """La última migración. Lanza `UsageError` si hay dos, o si la que dice la base de datos no está escrita."""
    last = heads(known)
    if len(last) > 1:
        files = " y ".join(f"«{known[name].path.name}»" for name in last)
        raise UsageError(f"Hay {len(last)} migraciones finales: {files}.", f"Únalas: {order('revision')}")
    if applied is not None and applied not in known:
        raise UsageError(
            f"La migración «{applied}» está aplicada en la base de datos, pero falta su archivo en"
            " sql/migrations/versions.",
            f"Recupérelo: {order('revision')}. (Para deshacerla no se borra: se cambia la declaración.)",
        )
    return last[0]


def check(settings: Settings, connection: Connection, unasked: Collection[str]) -> None:
    """Lanza `UsageError`, con lo que hay que hacer, si con las migraciones escritas no se puede migrar.

    También si uno de los archivos `unasked`, que nadie ha pedido aplicar, borra tablas o columnas de una base de datos
    con algo: antes tiene que verlo alguien.
    """
    known, applied = revisions(settings), version(connection)
    last_known(known, applied)
    for path in (one.path for one in known.values() if applied and one.path.name in unasked):
        if DROPS.search(path.read_text(encoding="utf-8").partition("def downgrade")[0]):
            raise UsageError(f"La migración «{path.name}» borra datos.", f"Revísela y aplíquela: {order('migrate')}")
