"""Rehace solo los marts que leen algo que ha cambiado; y de esos, si se puede, solo los grupos que cambian.

El registro (`etl.marts`) dice de qué SELECT salió cada uno, qué tablas lee y qué cargas de ellas había. Si una
ejecución se cortó antes de llegar aquí, lo nota la siguiente.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from etl.load.marts import GROUPED, ITS_AUTHORS, SCHEMA, rebuild, select
from extras.marts.groups import QUERIES, by_groups


def renew(connection: Connection[Any], path: Path) -> bool:
    """Pone al día un mart, si hace falta; dice si ha cambiado."""
    for (gone,) in connection.execute(QUERIES["forget"], ([one.stem for one in path.parent.glob("*.sql")],)).fetchall():
        by_groups(connection, gone, "", None)
    name, text = path.stem, select(path)
    query = hashlib.sha256(text.encode()).hexdigest()
    reads, before = connection.execute(QUERIES["noted"], (name, query, SCHEMA)).fetchone() or (None, None)
    # Se mira antes que los datos: una carga que acabe entretanto hará rehacerlo otra vez.
    loads = dict(connection.execute(QUERIES["loads"], {"reads": reads}).fetchall())
    stale = None if before is None else _seen(reads, loads).items() ^ before.items()
    if before is not None and not stale:
        return False
    known = None if reads is None or stale is None else {table for table, _ in stale}
    apart = before is None or GROUPED in text
    if not (apart and by_groups(connection, name, text, known)):
        reads = _reads(connection, text, loads)
        rebuild(connection, path)
    connection.execute(QUERIES["note"], (name, SCHEMA, name, query, reads, json.dumps(_seen(reads, loads))))
    return True


def _seen(reads: list[str] | None, loads: dict[str, str]) -> dict[str, str]:
    """Las cargas de unas tablas, o de todas."""
    if reads is None:
        return {table: mark for table, mark in loads.items() if not table.startswith(f"{SCHEMA}.")}
    return {table: loads[table] for table in reads if table in loads}


def _reads(connection: Connection[Any], text: str, loads: dict[str, str]) -> list[str] | None:
    """Las tablas que lee un SELECT, según PostgreSQL; `None` si alguna cambia sin que lo diga el libro de cargas."""
    try:
        with connection.transaction(force_rollback=True):
            # En binario vale una sola sentencia.
            connection.execute(sql.SQL("CREATE TEMP VIEW etl_mart AS {}").format(sql.SQL(text)), binary=True)
            reads = connection.execute(QUERIES["reads"]).fetchall()
    except ITS_AUTHORS:  # no todo lo que hace una tabla hace una vista
        return None
    return [name for name, _ in reads] if all(loaded or name in loads for name, loaded in reads) else None
