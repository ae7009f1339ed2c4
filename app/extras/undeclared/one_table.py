"""Un archivo sin declarar, a `staging.<nombre>`: una tabla nueva con los tipos que dicen sus filas.

Se miran las primeras filas, se decide el tipo de cada columna y se carga todo de una pasada. Si una
fila posterior no encaja, se deshace, se miran todas y se carga otra vez: ninguna fila se pierde
ni se cambia. La tabla anterior del mismo archivo se sustituye en la misma transacción.
Qué tipo tiene cada columna lo decide `infer.py`; cómo está escrito el archivo, `unknown.py`.
"""

from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import pyarrow as pa
from psycopg import errors

from etl.chunk import Chunk
from etl.database.connection import Connection
from etl.extract.source import Opened, Source, opened
from etl.load import ledger
from etl.load.encode import encode
from etl.load.ledger import Load
from etl.load.table import Advance, Prepared, TableWriter, write_all
from etl.one_file import load_file
from etl.run import FileResult, Session
from etl.schema import Table
from extras.formats.look import ODD_SIGN
from extras.formats.readers import EXCEL, SQLITE
from extras.undeclared import staging
from extras.undeclared.convert import NOT_EXACT, ImpossibleDates, Misfit, convert, odd_sign
from extras.undeclared.detection.header import EMPTY_TAIL
from extras.undeclared.evidence import Evidence, new_evidence, observe
from extras.undeclared.infer import Plan, decide, warnings_of
from extras.undeclared.unknown import Found, open_rows, open_unknown
from extras.undeclared.wide import BUDGET, PACKED, TEXT_BYTES, pack, packed_warning, split_columns

# Con las primeras filas casi siempre basta; si no, lo dice una posterior y se miran todas.
FIRST_ROWS = 10_000


@dataclass
class Attempt:
    """Lo aprendido de los intentos anteriores: los tipos según todas las filas, y el ancho que cabe."""

    plans: list[Plan] | None = None
    evidence: tuple[list[Evidence], str] | None = None
    budget: int = BUDGET
    as_text: dict[str, str] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)


class Filled(Exception):
    """Una columna del final, que parecía de más, tiene un valor."""


def load_undeclared(session: Session, source: Source, as_text: bool) -> list[FileResult]:
    """Carga un archivo que nadie declaró: cada tabla que lleve dentro, a la suya de `staging`."""
    tables = [source]
    if source.suffix in (*EXCEL, *SQLITE):
        from extras.undeclared.parts import parts

        tables = parts(source)
    return [load_table(session, one, as_text) for one in tables]


def load_table(session: Session, source: Source, as_text: bool) -> FileResult:
    """Carga un archivo en su tabla de `staging`; con `as_text`, sin interpretar nada.

    Repetirlo sin cambios no hace nada. Un archivo malo no es una excepción: sale en el resultado.
    """
    table = Table(staging.SCHEMA, staging.table_for(session.connection, source))
    fill = partial(_fill, as_text=as_text, advance=partial(session.progress, source))
    # Siempre en este proceso, aunque los declarados vayan a un clúster.
    return load_file(session, source, table, fill, engine="local")


def _fill(
    connection: Connection, load: Load, _file: Opened, result: FileResult, *, as_text: bool, advance: Advance
) -> None:
    """La transacción de un archivo sin declarar: si no está ya, una tabla nueva en lugar de la suya."""
    if known := staging.known_as(connection, load, as_text):
        result.skip(f"su contenido ya está en {known}" if known != load.table.name else None)
        return
    ledger.begin(connection, load)
    attempt = Attempt()
    while True:
        try:
            with connection.transaction():
                _create_and_fill(connection, load, result, attempt, as_text, advance)
            return
        except Misfit as misfit:
            # Lo decidido por todas las filas no puede fallar dos veces: el segundo intento ya es texto.
            reason = misfit.reason or (NOT_EXACT if attempt.plans else None)
            if reason:
                attempt.as_text[misfit.column] = reason
            attempt.evidence = attempt.evidence or evidence_of_all(load.source)
            attempt.plans = decide(*attempt.evidence, attempt.as_text)
        except Filled as late:
            attempt.filled.add(str(late))
        except errors.ProgramLimitExceeded:
            attempt.budget //= 2


def _create_and_fill(
    connection: Connection, load: Load, result: FileResult, attempt: Attempt, as_text: bool, advance: Advance
) -> None:
    """Crea la tabla, la llena y la pone en el sitio de la anterior; `Misfit` si hay que repetir."""
    with opened(load.source) as file, open_unknown(load.source, file) as (document, found):
        chunks = found.chunks(document)
        first, second = next(chunks, None), next(chunks, None)
        reader = Reader(found, attempt, as_text)
        reader.look(first, whole=second is None)
        table = staging.create(connection, load.table.table, load.load_id, reader.columns)
        writer = TableWriter(connection, Table(staging.SCHEMA, table), load.load_id)
        ready = (reader.prepare(chunk, load.load_id) for chunk in chain(filter(None, (first, second)), chunks))
        result.counts = write_all(writer, ready, file, advance)
        sha256 = file.finish()
        found.describe(result)
        told = [warning for warning in found.told if warning != EMPTY_TAIL]  # de ella se dice si se quita
        told += reader.warnings
    originals = dict(zip(found.names, found.columns, strict=True))
    kept = {plan.name: originals[plan.name] for plan in reader.kept}
    replaced = staging.replace(connection, load, table, kept, as_text)
    result.warnings = [*told, *result.counts.warnings, *replaced]
    written_as = {plan.name: plan.format.name for plan in reader.plans if plan.format}
    titles = [title or name for name, title in originals.items()]
    ledger.describe(connection, load, titles, found.written, written_as)
    ledger.finish(connection, load, sha256, result.counts, result.encoding, result.warnings)


class Reader:
    """Convierte los trozos de un archivo con los tipos decididos, atento a los que no encajan."""

    def __init__(self, found: Found, attempt: Attempt, as_text: bool) -> None:
        self._found = found
        self._attempt = attempt
        self._impossible = ImpossibleDates()
        self._odd: str | None = next((told for told in found.warnings if told.startswith(ODD_SIGN)), None)
        self._odd_known = self._odd is not None  # al principio del archivo, que ya se miró
        plans = [Plan(name, pa.string()) for name in found.names] if as_text else attempt.plans
        self._final = plans is not None
        self.plans = plans or []

    def look(self, first: Chunk | None, whole: bool) -> None:
        """Decide los tipos por las primeras filas, si no se sabían ya por todas. `whole`: no hay más trozos."""
        self._evidence = new_evidence(self._found.names, self._found.kinds, self._found.native)
        if not self._final:
            if first:
                observe(self._evidence, first, FIRST_ROWS)
            self.plans = decide(self._evidence, self._found.delimiter, self._attempt.as_text)
            if whole and (first is None or len(first.lines) <= FIRST_ROWS):
                self._final = True
                self._attempt.evidence, self._attempt.plans = (self._evidence, self._found.delimiter), self.plans
        named = "".join(self._found.columns[-1:]).strip()
        self.dropped = [] if named else self._nameless_tail()
        kept = self.plans[: len(self.plans) - len(self.dropped)]
        self.kept, self.packed = kept, list[Plan]()
        if len(kept) * TEXT_BYTES > self._attempt.budget:  # con menos caben todas
            self.kept, self.packed = split_columns(kept, self._attempt.budget)
        self.columns = [*self.kept, PACKED] if self.packed else self.kept

    def _nameless_tail(self) -> list[Plan]:
        """Las últimas columnas, mientras no tengan ni nombre ni valores: solo son separadores de más."""
        tail: list[Plan] = []
        for plan, name, evidence in zip(
            reversed(self.plans), reversed(self._found.columns), reversed(self._evidence), strict=True
        ):
            if name.strip() or evidence.count or plan.name in self._attempt.filled or len(tail) + 1 == len(self.plans):
                break
            tail.insert(0, plan)
        return tail

    @property
    def warnings(self) -> list[str]:
        """Lo que la persona debe saber de los tipos."""
        told = [self._odd] if self._odd and not self._odd_known else []
        told += [*warnings_of(self.plans), *([packed_warning(self.packed)] if self.packed else [])]
        if self.dropped:
            told.append(f"Columnas del final sin nombre ni valores, que se quitan: {len(self.dropped)}.")
        if self._attempt.filled and len(self._found.unnamed) < len(self._found.columns):  # hay cabecera
            told.append(f"Sin nombre en la cabecera: {', '.join(sorted(self._attempt.filled))}.")
        return told

    def prepare(self, chunk: Chunk, load_id: int) -> Prepared:
        """Un trozo, con sus tipos y listo para COPY. Lanza `Misfit` si hay que volver a decidir."""
        rows, impossible = convert(chunk, self.plans)
        self._odd = self._odd or odd_sign(chunk)
        if not self._final:
            self._reconsider(chunk)
        self._impossible.count(impossible, len(chunk.lines))
        rejects = sorted([*chunk.rejects, *impossible], key=lambda reject: reject.line)
        for plan in self.dropped:
            if rows[plan.name].null_count < rows.num_rows:
                raise Filled(plan.name)
        rows = rows.drop_columns([plan.name for plan in self.dropped])
        rows = pack(rows, self.packed) if self.packed else rows
        jsonb = [plan.name for plan in self.columns if plan.jsonb]
        # Sin clave no hay filas dudosas que volver a mirar: los textos del trozo no esperan en la cola.
        return Prepared(rows, encode(rows, load_id, jsonb), rejects, blank=chunk.blank)

    def _reconsider(self, chunk: Chunk) -> None:
        """Una columna en texto por dudosa o por vacía puede dejar de serlo con las filas de este trozo."""
        for plan, evidence in zip(self.plans, self._evidence, strict=True):
            if plan.format is None and evidence.alive:
                evidence.observe(chunk.columns[plan.name], chunk.lines)
        again = decide(self._evidence, self._found.delimiter, self._attempt.as_text)
        for plan, now in zip(self.plans, again, strict=True):
            if plan.format is None and now.format is not None:
                raise Misfit(plan.name)


def evidence_of_all(source: Source) -> tuple[list[Evidence], str]:
    """Lo que dicen de los tipos todas las filas del archivo, sin cargar nada; y su separador."""
    with open_rows(source) as (found, chunks):
        evidence = new_evidence(found.names, found.kinds, found.native)
        for chunk in chunks:
            observe(evidence, chunk)
    return evidence, found.delimiter
