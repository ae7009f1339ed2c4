"""Carga un archivo estropeado y mira lo que debe ser verdad de cualquiera, por malo que sea.

Se carga o se rechaza diciendo por qué: nunca una excepción, nunca «falló». I1: leídas = cargadas +
duplicadas + rechazadas, y lo mismo dicen la tabla, `etl.rejects` y quien cuenta las líneas sin saber
nada de CSV. Lo que enseña `etl inspect` es lo que se carga.
"""

import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from declared.clientes import Cliente
from declared.productos import Producto
from declared.tiendas import Tienda
from declared.ventas import Venta
from etl.database.connection import LOADER, connect
from etl.declarations import in_order
from etl.extract.discover import discover
from etl.extract.source import Source
from etl.local import open_local
from etl.one_file import load_declared
from etl.pipeline import declared_for
from etl.run import FileResult, Session
from etl.schema import Declared
from etl.settings import Settings
from extras.document import layout
from extras.undeclared.inspection import Refused, look_or_refuse
from extras.undeclared.one_table import load_table
from extras.undeclared.parts import parts
from fuzz.mutations import mutated
from fuzz.seeds import Seed
from support import connect_settings
from wiring import assemble

DECLARED = in_order([Cliente, Producto, Tienda, Venta])
# Segundos de procesador, que no dependen de lo ocupada que esté la máquina: un archivo de pocos KB que
# necesita más es que algo no es lineal.
SLOWEST = 5.0
# Uno de cada cuántos se mira además con `inspect`, y se carga todo en texto.
INSPECTED, AS_TEXT, AS_DECLARED = 5, 6, 2
TABLES_KEPT = 200


@dataclass(frozen=True)
class Problem:
    """Algo que no debía pasar con el archivo número `number`."""

    number: int
    done: str
    what: str
    data: Seed

    def __str__(self) -> str:
        return f"archivo {self.number} ({self.done}): {self.what}"


class Fuzzer:
    """Estropea y carga archivos en una base de datos, uno detrás de otro y en el mismo proceso."""

    def __init__(self, settings: Settings, seed: int, all_seeds: list[Seed]) -> None:
        self.settings = settings
        self.seed = seed
        self.seeds = all_seeds
        self.statuses: dict[str, int] = {}
        self.slowest = 0.0
        connection = connect(settings, role=LOADER)
        self.session = Session(settings, "local", lambda *_: None, print, connection)
        self.parts = assemble()
        self.looking = connect_settings(settings)

    def close(self) -> None:
        self.session.connection.close()
        self.looking.close()

    def run(self, numbers: range) -> Iterator[Problem]:
        """Los problemas de los archivos de `numbers`. El número y la semilla bastan para repetir uno."""
        for number in numbers:
            dice = random.Random(f"{self.seed}-{number}")
            file, done = mutated(dice, self.seeds)
            for what in self._load(number, file, dice):
                yield Problem(number, done, what, file)
            if number % TABLES_KEPT == 0:
                self._forget()

    def _load(self, number: int, file: Seed, dice: random.Random) -> Iterator[str]:
        named = file.declared if file.declared and dice.randrange(AS_DECLARED) == 0 else f"f{number}"
        path = self.settings.datos_dir / f"{named}{file.suffix}"
        path.write_bytes(file.data)
        as_text, looked = dice.randrange(AS_TEXT) == 0, dice.randrange(INSPECTED) == 0
        try:
            for source in discover([path], self.settings.datos_dir, self.parts.members):
                declaration = declared_for(source, DECLARED)
                for part in [source] if declaration else parts(source):
                    started = time.process_time()
                    result = self._load_one(part, declaration, as_text)
                    yield from self._wrong(result, file, time.process_time() - started)
                    if looked and not declaration and not as_text:
                        yield from _disagreements(part, result)
        except Exception as error:  # noqa: BLE001 - justo lo que se busca
            yield f"{type(error).__name__}: {error}"
        finally:
            path.unlink(missing_ok=True)

    def _load_one(self, part: Source, declaration: Declared | None, as_text: bool) -> FileResult:
        if declaration:
            with open_local(self.session, ()) as load_rows:
                return load_declared(self.session, part, declaration, load_rows, self.parts)
        return load_table(self.session, part, as_text)

    def _wrong(self, result: FileResult, file: Seed, seconds: float) -> Iterator[str]:
        self.statuses[result.status] = self.statuses.get(result.status, 0) + 1
        self.slowest = max(self.slowest, seconds)
        if seconds > SLOWEST:
            yield f"gastó {seconds:.1f} s de procesador"
        if result.status == "failed":
            yield f"falló: {result.reason}"
        if result.status != "loaded":
            return
        counts = result.counts
        if counts.read != counts.loaded + counts.duplicate + counts.rejected:
            yield f"I1: {counts}"
        assert result.table is not None
        lines, rejected = self._lines(result.file, result.table)
        if (len(lines), len(rejected)) != (counts.loaded, counts.rejected):
            yield f"hay {len(lines)} filas y {len(rejected)} rechazos, y dice {counts}"
        elif result.table.startswith("staging."):
            yield from _lost_lines(result, file, sorted([*lines, *rejected]))

    def _lines(self, file: str, table: str) -> tuple[list[int], list[int]]:
        """Las líneas de las filas cargadas y de las apartadas, en la base de datos."""
        load_id = "SELECT max(load_id) FROM etl.loads WHERE status = 'loaded' AND file = %s"
        rows = sql.SQL(f"SELECT _line FROM {{}} WHERE _load_id = ({load_id})")
        named = sql.Identifier(*table.split("."))
        loaded = self.looking.execute(rows.format(named), (file,)).fetchall()
        rejects = f"SELECT line FROM etl.rejects WHERE load_id = ({load_id})"
        return [line for (line,) in loaded], [line for (line,) in self.looking.execute(rejects, (file,))]

    def _forget(self) -> None:
        self.looking.execute("TRUNCATE etl.rejects, etl.loads CASCADE")
        self.looking.execute("TRUNCATE datos.ventas, datos.clientes, datos.productos, datos.tiendas CASCADE")
        tables = self.looking.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'").fetchall()
        for (table,) in tables:
            self.looking.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier("staging", table)))


def _lost_lines(result: FileResult, file: Seed, seen: list[int]) -> Iterator[str]:
    """Sin comillas ni escapes, cada línea con algo es una fila: están todas, y una vez cada una."""
    if len(set(seen)) < len(seen) and result.written:
        yield "una línea está dos veces"
    expected = _countable_lines(result, file)
    if expected is None or not seen:
        return
    missing = [line for line in expected if line >= seen[0] and line not in set(seen)]
    if missing or set(seen) - set(expected):
        yield f"líneas perdidas {missing[:5]}, inventadas {sorted(set(seen) - set(expected))[:5]}"
    above = sum(1 for line in expected if line < seen[0])
    said = layout(result)["preamble_rows"] or 0
    if above > said + 4:
        yield f"{above} líneas por encima de la primera fila, y dice {said} de preámbulo"


def _countable_lines(result: FileResult, file: Seed) -> list[int] | None:
    """Las líneas físicas con algo escrito, contadas sin saber nada de CSV; nada si no es tan fácil."""
    marks: dict[str, Any] = layout(result)["dialect"] or {}
    quote, escape = (marks.get("quote") or "\0").encode(), (marks.get("escape") or "\0").encode()
    plain = file.suffix in (".csv", ".txt", ".tsv") and not (result.encoding or "").startswith("utf-16")
    if not plain or quote in file.data or escape in file.data or (result.encoding or "").startswith("utf-32"):
        return None
    lines = re.split(rb"\r\n|\n|\r", file.data.removeprefix(b"\xef\xbb\xbf"))
    # Una línea de separadores solos es una línea en blanco.
    mark = marks.get("delimiter", "").encode()
    blank = rb" *" if mark.startswith(b" ") else rb"(%s)*" % re.escape(mark)
    return [number for number, line in enumerate(lines, 1) if not re.fullmatch(blank, line)]


def _disagreements(source: Source, result: FileResult) -> Iterator[str]:
    """`etl inspect` promete unas cuentas: deben ser las de la carga."""
    seen = look_or_refuse(source)
    if result.status == "skipped":
        return
    if isinstance(seen, Refused):
        if result.status == "loaded":
            yield f"inspect lo rechaza ({seen.reason}) y se carga"
    elif result.status == "refused":
        yield f"inspect lo lee y se rechaza: {result.reason}"
    elif (seen.rows, seen.rejected) != (result.counts.loaded, result.counts.rejected):
        yield f"inspect ve {seen.rows} y {seen.rejected}, y se cargan {result.counts}"


def save(problem: Problem, folder: Path) -> Path:
    """Guarda el archivo de un problema, para mirarlo."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{problem.number}{problem.data.suffix}"
    path.write_bytes(problem.data.data)
    return path
