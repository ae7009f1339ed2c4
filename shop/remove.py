"""Quita la tienda de ejemplo y deja la plantilla lista para otros datos: `make mine`.

Borra lo que solo es de la tienda, pone en su lugar lo que hay en `shop/after/`, quita de los documentos lo
marcado con «tienda» y los enlaces que ya no llevan a ninguna parte y, al final, se borra con su carpeta.
Pregunta antes, y no empieza si git no tiene guardado lo que va a borrar o si algo de usted se apoya en ello.
Solo usa la biblioteca estándar: vale cualquier Python de 3.11 en adelante, sin instalar nada.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AFTER = ROOT / "shop" / "after"
VERSIONS = "sql/migrations/versions"
# Lo que se borra, por patrones y en este orden: al final, esta carpeta. Ninguno alcanza lo que añada otra persona.
SHOP = (
    *(f"app/declared/{name}.py" for name in ("clientes", "productos", "tiendas", "ventas")),
    *(f"sql/marts/{name}.sql" for name in ("clientes_compras", "clientes_rfm", "productos_ingresos", "productos_top")),
    *(f"sql/marts/{name}.sql" for name in ("ventas_diarias", "ventas_mensuales")),
    *(f"datos/{name}" for name in ("clientes.csv", "productos.csv", "tiendas.jsonl", "ventas_2025-??.csv*")),
    *("spark/jobs/baskets_and_cohorts.py", "tests/shop"),
    # Las otras ponen al día el registro de las bases de datos de antes; sin la tienda ya no hay ninguna.
    *(f"{VERSIONS}/{name}.py" for name in ("0002_tienda", "0002_registro", "0002_grupos", "0002_descripciones")),
    *("docs/guia.md", "docs/diccionario.md", "README.en.md", "docs/img/*.png", "shop"),
)
REPLACED = ("README.md", "CHANGELOG.md", "datos/README.md")
MARKED_FILES = ("Makefile", "Dockerfile", ".dockerignore", "app/wiring.py", "tests/conftest.py")
# En las listas de pyproject.toml, donde no cabe una marca.
LISTED = ('"shop", ', '"generate", ', '"spark/jobs", ', '"baskets_and_cohorts", ')
MARKED = re.compile(r"^ *(?:<!-- |# )tienda(?: -->)?\n.*?^ *(?:<!-- |# )/tienda(?: -->)?\n\n?", re.M | re.S)
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
BEHIND = re.compile(r"""^down_revision = ["']0002_(?:tienda|registro|grupos|descripciones)["']""", re.M)
TABLES = "clientes|productos|tiendas|ventas"
# Una clave foránea, un import, una consulta o una migración que une la de la tienda con otra.
LEANS = re.compile(
    rf"""(?:ForeignKey\(\s*["']|declared[. ](?:import )?|FROM |JOIN |datos\.)({TABLES})\b"""
    r"""|^down_revision = \(.*["'](0002_(?:tienda|registro|grupos|descripciones))["']""",
    re.I | re.M,
)

NEXT = """
Lo siguiente:
  git add -A && git commit -m "Quitar la tienda de ejemplo"
  docs/hagala-suya.md: de un archivo suyo a su tabla, su mart y su prueba

Si ya había cargado la tienda, empiece en una base de datos nueva:
  con Docker   docker compose --profile "*" down -v    (borra lo que cargó)
  sin Docker   ponga DB_NAME=otro_nombre en .env (o «make clean», que borra lo que cargó)
o siga en la misma, con otra migración que borra de ella las tablas de la tienda:
  etl revision "quitar la tienda"
  etl migrate"""


def main() -> int:
    """La orden: 0 si la tienda ya no está, 1 si no se tocó nada."""
    options = parse()
    going = [path for pattern in SHOP for path in sorted(ROOT.glob(pattern))]
    obstacles = [*uncommitted(going), *leaning(going)]
    if obstacles:
        say("No se ha tocado nada:", *(f"  {one}" for one in obstacles))
        return 1
    say("Se va a borrar lo que es de la tienda:", *(f"  {one}" for one in SHOP))
    say("y esto se cambia por lo de shop/after:", *(f"  {name}" for name in REPLACED))
    if not options.yes and not agreed():
        say("No se ha tocado nada.")
        return 1
    remove(going)
    say("La tienda ya no está.", NEXT)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make mine", description="Quita la tienda de ejemplo. Con make: make mine ARGS=--yes"
    )
    parser.add_argument("--yes", action="store_true", help="no pregunta")
    return parser.parse_args()


def say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def agreed() -> bool:
    sys.stdout.write("¿Seguir? (s/n) ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("s", "sí", "si")


def uncommitted(going: list[Path]) -> Iterator[str]:
    """Lo que se perdería: cambios que git no tiene. Lo ya borrado no cuenta."""
    paths = [str(path) for path in [*going, *(ROOT / name for name in REPLACED)]]
    command = ["git", "status", "--porcelain", "--untracked-files=all", "--", *paths]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        done = None
    if done is None or done.returncode:
        say("Aviso: esta carpeta no está en git; lo que se borre no se podrá recuperar.")
        return
    for line in done.stdout.splitlines():
        if "D" not in line[:2]:
            yield f"{line[3:]} tiene cambios sin guardar: git commit, o git restore para descartarlos"


def leaning(going: list[Path]) -> Iterator[str]:
    """Lo que dejaría de funcionar: declaraciones, marts o migraciones de otra persona que usan una tabla de la tienda."""
    for pattern in ("app/declared/*.py", "sql/marts/*.sql", f"{VERSIONS}/*.py"):
        for path in sorted(set(ROOT.glob(pattern)) - set(going)):
            found = LEANS.search(path.read_text(encoding="utf-8"))
            if found:
                name = path.relative_to(ROOT).as_posix()
                yield f"{name} usa «{found[1] or found[2]}», que es de la tienda: quítelo de ahí y repita"


def remove(going: list[Path]) -> None:
    """Borra, pone lo que queda en su lugar y arregla lo que nombraba la tienda."""
    for path in going[:-1]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(AFTER, ROOT, dirs_exist_ok=True)
    relink()
    for name in LISTED:
        rewrite(ROOT / "pyproject.toml", lambda text, name=name: text.replace(name, ""))
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for path in [*(ROOT / name for name in MARKED_FILES), *documents]:
        rewrite(path, lambda text: MARKED.sub("", text))
    for path in documents:
        rewrite(path, lambda text, path=path: LINK.sub(lambda link: keep_or_unlink(link, path), text))
    shutil.rmtree(going[-1])


def relink() -> None:
    """Una migración que iba detrás de la de la tienda va ahora detrás de la 0001."""
    for path in (ROOT / VERSIONS).glob("*.py"):
        rewrite(path, lambda text: BEHIND.sub('down_revision = "0001"', text))


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    changed = change(text)
    if changed != text:
        path.write_text(changed, encoding="utf-8", newline="\n")


def keep_or_unlink(link: re.Match[str], document: Path) -> str:
    """Un enlace que ya no lleva a ninguna parte se queda en su texto."""
    target, _, anchor = link[2].partition("#")
    if "://" in target or target.startswith("mailto:"):
        return link[0]
    file = (document.parent / target).resolve() if target else document
    alive = file.exists() and (not anchor or anchor in anchors(file))
    return link[0] if alive else link[1]


def anchors(file: Path) -> set[str]:
    """Los destinos que GitHub hace con los títulos de un documento."""
    if file.suffix != ".md":
        return set()
    titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


if __name__ == "__main__":
    sys.exit(main())
