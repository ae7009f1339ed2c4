"""Las migraciones que hay escritas en `sql/migrations/versions`, leídas sin ejecutarlas.

Cargar Alembic tarda, y casi siempre basta con saber cuál es la última.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from etl.errors import UsageError, blamed
from etl.reader import program
from etl.settings import Settings


@dataclass(frozen=True)
class Revision:
    """Una migración: su archivo y las que van justo antes; son dos si une dos caminos."""

    path: Path
    parents: tuple[str, ...]


def versions_folder(settings: Settings) -> Path:
    return settings.sql_dir / "migrations" / "versions"


def revisions(settings: Settings) -> dict[str, Revision]:
    """Las migraciones, por su nombre. Lanza `UsageError` si una no se entiende o dos se llaman igual."""
    found: dict[str, Revision] = {}
    folder = versions_folder(settings)
    for path in sorted(folder.glob("*.py")):
        with blamed("La migración", folder, path):
            said = _assigned(path)
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


def _assigned(path: Path) -> dict[str, str | tuple[str, ...] | None]:
    """Los valores de `revision` y `down_revision`; el resto del archivo no se mira."""
    said = {}
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target, value = node.targets[0] if isinstance(node, ast.Assign) else node.target, node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=False))
            for one, its in pairs:
                if isinstance(one, ast.Name) and one.id in ("revision", "down_revision"):
                    said[one.id] = ast.literal_eval(its)
    return said


def heads(settings: Settings) -> list[str]:
    """Las migraciones de las que no sale ninguna: una, salvo que se junten las de dos personas.

    En el orden en que hay que nombrarlas para unirlas: Alembic empieza a aplicar por la última, que es la de
    número menor y, si empatan, la que trae la plantilla («0002_tienda» antes que una «0002» de usted).
    """
    known = revisions(settings)
    parents = {parent: one.path for one in known.values() for parent in one.parents}
    for name in parents.keys() - known.keys():
        raise UsageError(
            f"Falta el archivo de la migración «{name}», a la que sigue «{parents[name].name}».",
            f"Si se aplicó, {program()} revision lo recupera; si no, recupérelo de git.",
        )
    return sorted(known.keys() - parents.keys(), key=lambda name: (-number(name), name))


def head(settings: Settings) -> str:
    """La última migración. Lanza `UsageError` si hay dos."""
    last = heads(settings)
    if len(last) > 1:
        files = " y ".join(f"«{revisions(settings)[name].path.name}»" for name in last)
        raise UsageError(f"Hay {len(last)} migraciones finales: {files}.", f"Únalas: {program()} revision")
    return last[0]


def number(revision: str) -> int:
    """El número con que empieza el nombre; 0, si no lo lleva."""
    digits = revision.split("_", maxsplit=1)[0]
    return int(digits) if digits.isdigit() else 0


def check_known(settings: Settings, applied: str | None) -> None:
    """Lanza `UsageError` si la migración que dice la base de datos no está escrita."""
    if applied is not None and applied not in revisions(settings):
        raise UsageError(
            f"La migración «{applied}» está aplicada en la base de datos, pero falta su archivo en"
            " sql/migrations/versions.",
            f"Recupérelo: {program()} revision. (Para deshacerla no se borra: se cambia la declaración.)",
        )
