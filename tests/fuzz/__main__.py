"""`make fuzz`: carga miles de archivos estropeados al azar y busca el que haga lo que no debe.

    make fuzz ARGS="--files 500 --seed 7"    otros tantos, con otra semilla
    make fuzz ARGS="--seed 7 --first 123 --files 1"    solo el 123

Los que fallan se guardan en `.local/fuzz/`. Sale con 1 si hay alguno.
"""

import argparse
import faulthandler
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from etl.database.migrate import migrate
from etl.settings import ROOT
from extras.embedded import lifecycle as embedded
from fuzz.check import Fuzzer, Problem, save
from fuzz.seeds import seeds
from own_project import own_sql
from support import administer, own_server, settings_for, temporary_local_dir

STEP = 100
# Cien archivos tardan segundos: si en cinco minutos no han acabado, se dice dónde está y se sale.
HANG_SECONDS = 300


def main() -> int:
    """Prepara un servidor desechable y pasa los archivos por él."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="cuántos archivos")
    parser.add_argument("--seed", type=int, default=2026, help="la misma semilla da los mismos archivos")
    parser.add_argument("--first", type=int, default=1, help="el número del primero")
    parser.add_argument("--pg", type=int, default=16, choices=(16, 18), help="versión de PostgreSQL")
    options = parser.parse_args()
    print(f"semilla {options.seed}, {options.files} archivos desde el {options.first}")
    with temporary_local_dir() as local, tempfile.TemporaryDirectory() as datos, tempfile.TemporaryDirectory() as sql:
        address = own_server(local, options.pg, "alumno", "bigdata2026", "fuzz")
        try:
            administer(address, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            settings = replace(settings_for(address), datos_dir=Path(datos), sql_dir=own_sql(Path(sql) / "sql"))
            migrate(settings)
            fuzzer = Fuzzer(settings, options.seed, seeds())
            return 1 if fuzz(fuzzer, options.first, options.files) else 0
        finally:
            embedded.stop(local, options.pg)


def fuzz(fuzzer: Fuzzer, first: int, count: int) -> int:
    """Pasa los archivos, cuenta cómo va y devuelve cuántos problemas hubo."""
    started, problems, end = time.monotonic(), 0, first + count
    for start in range(first, end, STEP):
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        for problem in fuzzer.run(range(start, min(start + STEP, end))):
            problems += 1
            _report(problem)
        done = min(start + STEP, end) - first
        rate = done / (time.monotonic() - started)
        print(f"{done} archivos, {rate:.0f} por segundo, {problems} problemas", flush=True)
    faulthandler.cancel_dump_traceback_later()
    fuzzer.close()
    print(f"{fuzzer.statuses}; el más lento, {fuzzer.slowest:.1f} s; {problems} problemas")
    return problems


def _report(problem: Problem) -> None:
    path = save(problem, ROOT / ".local" / "fuzz")
    print(f"✖ {problem}\n  {path}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
