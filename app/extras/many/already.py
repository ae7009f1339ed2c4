"""Qué archivos están ya cargados y enteros, preguntado de una vez: de diez mil, casi todos estaban ayer.

Entran los archivos con su declaración; salen los que se pueden pasar por alto. Ante cualquier duda, un archivo sigue el
camino de siempre (`one_file.py`), que mira lo mismo con su tabla reservada.
"""

import psycopg

from etl.errors import FileRefused
from etl.extract.source import Source, fingerprint
from etl.parts import Pairs
from etl.run import FileResult, Session
from etl.schema import Declared

# Ni señaladas, ni con huérfanas que puedan tener ya su madre, ni cargadas también en otra tabla.
COMPLETE = """
SELECT file, min(table_name), min(bytes), min(sha256), min(declaration) FROM etl.loads AS l
WHERE file = ANY (%s) AND status = 'loaded' GROUP BY file HAVING count(*) = 1 AND NOT bool_or(incomplete)
AND NOT EXISTS (SELECT FROM etl.rejects AS r WHERE r.load_id = min(l.load_id) AND code = 'orphan')
"""


def already_loaded(session: Session, pairs: Pairs) -> dict[str, FileResult]:
    """Los archivos declarados cuyo contenido es, entero, el que dice el libro con su nombre."""
    names = [source.name for source, declared in pairs if declared]
    try:
        found = {name: known for name, *known in session.connection.execute(COMPLETE, (names,))}
    except psycopg.OperationalError:  # una conexión cortada la vuelve a abrir cada archivo
        return {}
    results = {}
    for source, declared in pairs:
        if declared and source.name in found and _is_same(session, source, declared, found[source.name]):
            result = FileResult(source.name, declared.table.table, declared.table.name, bytes=found[source.name][1])
            result.skip(then=found[source.name][3], now=declared.fingerprint)
            results[source.name] = result
    return results


def _is_same(session: Session, source: Source, declared: Declared, known: list[object]) -> bool:
    table, size, sha256, declaration = known
    if source.refusal or table != declared.table.name or (session.again and declaration != declared.fingerprint):
        return False
    try:
        # Antes de leerlo entero, lo que dice su carpeta.
        return source.path.stat().st_size == size and fingerprint(source) == sha256
    except (FileRefused, OSError):
        return False
