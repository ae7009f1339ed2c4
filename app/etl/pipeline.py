"""El camino entero: qué archivos hay, a qué tabla va cada uno y en qué orden.

    discover -> por cada archivo, una transacción (`one_file.py`) -> marts

Entran una sesión y las declaraciones; sale un `RunResult`.
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from etl.errors import Corrected
from etl.extract.discover import discover
from etl.extract.source import Source
from etl.load.marts import refresh_marts
from etl.load.versions import incomplete_tables
from etl.local import LoadRows
from etl.one_file import load_declared
from etl.parts import Parts
from etl.run import FileResult, RunResult, Session
from etl.schema import Declared

# Un archivo, su declaración si alguien lo declara, y qué fue de él (una vez por cada tabla que lleva dentro).
Done = tuple[Source, Declared | None, list[FileResult]]


def run(
    session: Session, paths: list[Path], tables: Sequence[Declared], parts: Parts, as_text: bool = False
) -> RunResult:
    """Carga los archivos pedidos (o los de `datos/`), las tablas madre antes que las hijas.

    `tables` está en el orden que piden las claves foráneas. Los archivos que nadie declara van a
    `parts.undeclared`; con `as_text` van todos, y con todas las columnas en texto.
    Un archivo que falla no impide cargar los demás. Repetir la ejecución no cambia nada.
    """
    wanted = [] if as_text else tables
    pairs = in_load_order(discover(paths, session.settings.datos_dir, parts.members, wanted), wanted)
    # De uno solo se entera su transacción.
    already = parts.already(session, pairs) if len(pairs) > 1 else {}
    done: list[Done] = []
    corrections: list[Source] = []
    waiting = [pair for pair in pairs if pair[0].name not in already]
    session.waiting += [source for source, _ in waiting]
    with parts.engines[session.engine](session, waiting) as load_rows:
        for source, declared in pairs:
            try:
                if source.name in already:
                    done.append((source, declared, [already[source.name]]))
                elif declared:
                    done.append((source, declared, [load_declared(session, source, declared, load_rows, parts)]))
                else:
                    done.append((source, None, parts.undeclared(session, source, as_text)))
            except Corrected:
                corrections.append(source)
        # Al final: corrigen lo que acaba de cargarse.
        done += [(source, None, parts.correct(session, source, tables)) for source in corrections]
        if any(declared for _, declared in pairs) and (incomplete := incomplete_tables(session.connection)):
            _repeat(session, incomplete, done, load_rows, parts)
    marts, wrong = refresh_marts(session.connection, session.settings.sql_dir / "marts", parts.renew_mart)
    files = [result for _, _, results in done for result in results]
    return RunResult(session.run_id, session.engine, files, marts, session.facts, wrong)


def _repeat(session: Session, tables: set[str], done: list[Done], load_rows: LoadRows, parts: Parts) -> None:
    """Repite los que otro archivo, cargado después, dejó sin filas: una versión nueva que no las trae."""
    for source, declared, results in done:
        if declared and declared.table.name in tables and not results[0].outside:
            again = load_declared(session, source, declared, load_rows, parts)
            if again.status != "skipped":
                results[0] = again


def in_load_order(sources: list[Source], tables: Sequence[Declared]) -> list[tuple[Source, Declared | None]]:
    """Cada archivo con su declaración, en el orden de las tablas; al final, los que nadie declara."""
    pairs = [(source, declared_for(source, tables)) for source in sources]
    return sorted(pairs, key=lambda pair: tables.index(pair[1]) if pair[1] else len(tables))


def declared_for(source: Source, tables: Sequence[Declared]) -> Declared | None:
    """La declaración cuyo patrón encaja con el nombre; si encajan varias, la de patrón más largo."""
    stem = Path(source.content).stem.lower()
    matches = [declared for declared in tables if fnmatch(stem, declared.files.lower())]
    return max(matches, key=lambda declared: len(declared.files), default=None)
