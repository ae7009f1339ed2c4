"""Encuentra las declaraciones: un archivo que está en la carpeta `declared` está declarado."""

import ast
import hashlib
import importlib
import inspect
import pkgutil
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import cast

import sqlalchemy as sa

from etl.dataset import Dataset, declared
from etl.errors import blamed
from etl.schema import Declared

PACKAGE = "declared"
# Lo que se dice de una columna y no cambia cómo se lee.
NOT_READ = ("comment", "index", "unique")


def load() -> list[Declared]:
    """Los data sets declarados, las tablas madre antes que las hijas."""
    return in_order(import_declared())


def in_order(datasets: list[type[Dataset]]) -> list[Declared]:
    """Lo que dicen las clases, en el orden que piden sus claves foráneas, con su huella."""
    for one in datasets:
        with _blamed(one):
            for key in cast(sa.Table, one.__table__).foreign_keys:
                if key.column.table is key.parent.table:  # lanza si apunta a lo que no se declara
                    raise TypeError("la clave foránea apunta a su propia tabla")
    tables = Dataset.metadata.sorted_tables
    ordered = sorted(datasets, key=lambda one: tables.index(cast(sa.Table, one.__table__)))
    return [_said(one) for one in ordered]


def _said(dataset: type[Dataset]) -> Declared:
    with _blamed(dataset):
        return replace(declared(dataset), fingerprint=fingerprint(dataset.__module__))


def _blamed(dataset: type[Dataset]) -> AbstractContextManager[None]:
    file = Path(inspect.getfile(dataset))
    return blamed("La declaración", file.parent, file, dataset)


def fingerprint(module: str) -> str:
    """La huella de un archivo de declaraciones y de los que importa de su carpeta, sin lo que no cambia cómo se lee."""
    digest, seen, pending = hashlib.sha256(), set(), [module]
    while pending:
        name = pending.pop()
        if name in seen or name not in sys.modules:
            continue
        seen.add(name)
        tree = ast.parse(inspect.getsource(sys.modules[name]))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
                del node.body[0]
            if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
                node.value.keywords = [one for one in node.value.keywords if one.arg not in NOT_READ]
                if ast.unparse(node.value) == "mapped_column()":
                    node.value = None  # lo mismo que no poner nada
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
                pending.append(str(node.module))
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def import_declared() -> list[type[Dataset]]:
    """Las clases de la carpeta `declared`: un archivo que está en ella está declarado."""
    package = importlib.import_module(PACKAGE)
    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        with blamed("La declaración", declared_folder(), declared_folder() / f"{module}.py"):
            importlib.import_module(f"{PACKAGE}.{module}")
    return declared_in(f"{PACKAGE}.")


def declared_folder() -> Path:
    """Donde están los archivos de las declaraciones."""
    return Path(importlib.import_module(PACKAGE).__path__[0]).resolve()


def declared_in(module: str) -> list[type[Dataset]]:
    """Las clases que declara un módulo, o los de un paquete («declared.»)."""
    return [dataset for dataset in Dataset.__subclasses__() if dataset.__module__.startswith(module)]
