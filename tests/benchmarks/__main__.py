"""`make bench`: la carga validada frente a `\\copy` y a `to_sql`, en la misma máquina y a la vez.

    make bench ARGS="--veces 5"       más repeticiones
    make bench ARGS="--solo limpio"   una sola medición (limpio, sucio, spark...)
    make bench ARGS="--solo crece"    lo que cuesta un archivo más con las tablas ya llenas

Imprime una tabla y la deja en `.local/bench/resultados.md`.
"""

import argparse
import os
import platform
import shutil
import sys
from dataclasses import replace

from tests.benchmarks.cases import CASES, Bench

from etl.database.connection import connect
from etl.settings import ROOT, Settings
from extras.settings import with_server
from own_project import own_sql

FOLDER = ROOT / ".local" / "bench"


def main() -> None:
    """Prepara el servidor, mide cada caso y escribe la tabla."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--veces", type=int, default=3, help="repeticiones de cada pareja")
    parser.add_argument("--solo", choices=CASES, help="un solo caso")
    parser.add_argument("--pg", type=int, default=18, choices=(16, 18), help="versión de PostgreSQL")
    parser.add_argument("--filas", type=float, nargs="+", default=(0, 6, 24), help="tamaños de «crece», en millones")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    bench = Bench(_server(options.pg), FOLDER, options.veces, tuple(options.filas))
    lines = ["| qué se mide | resultado | objetivo |", "|---|---:|---:|"]
    # De dónde es Python importa: sin optimizar (pyenv, si no se le pide), todo tarda hasta un 15 % más.
    python = f"Python {platform.python_version()} de {sys.base_prefix}"
    print(f"PostgreSQL {options.pg}, {python}, {os.cpu_count()} núcleos, {options.veces} repeticiones\n")
    print(*lines, sep="\n")
    for name, case in CASES.items():
        if options.solo in (None, name):
            for row in case(bench):
                lines.append(f"| {' | '.join(row)} |")
                print(lines[-1], flush=True)
    (FOLDER / "resultados.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _server(version: int) -> Settings:
    """Un servidor embebido con su configuración de siempre y una base de datos nueva."""
    shutil.rmtree(FOLDER / "sql", ignore_errors=True)
    sql_dir = own_sql(FOLDER / "sql")
    settings = with_server(Settings(local_dir=FOLDER, pg_version=version, db_name="postgres", sql_dir=sql_dir))
    with connect(settings) as connection:
        connection.execute("DROP DATABASE IF EXISTS banco WITH (FORCE)")
        connection.execute("CREATE DATABASE banco")
    return replace(settings, db_name="banco")


if __name__ == "__main__":
    main()
