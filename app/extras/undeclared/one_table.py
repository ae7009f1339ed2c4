"""Un archivo sin declarar, a `staging.<nombre>`: una tabla nueva con los tipos que dicen sus filas.

Se miran las primeras filas, se decide el tipo de cada columna y se carga todo de una pasada. Si una
fila posterior no encaja, se deshace, se miran todas y se carga otra vez: ninguna fila se pierde
ni se cambia. La tabla anterior del mismo archivo se sustituye en la misma transacción.
Qué tipo tiene cada columna lo decide `infer.py`; cómo está escrito el archivo, `extract/unknown.py`.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import pyarrow as pa
from psycopg import errors

from etl.chunk import Chunk
from etl.database.connection import Connection
from etl.dialect import ISO, Dialect
from etl.extract.source import Source, opened
from etl.job import Job, Progress, Session
from etl.known_file import fingerprint
from etl.load import ledger
from etl.load.encode import encode
from etl.load.prefetch import prefetch
from etl.load.table import Prepared, TableWriter
from etl.one_file import load_file, lock_table
from etl.result import FileResult
from etl.schema import Schema, Target
from extras.quarantine.correction import complete, corrects
from extras.undeclared import staging
from extras.undeclared.convert import NOT_EXACT, ImpossibleDates, Misfit, convert
from extras.undeclared.ending import without_ending
from extras.undeclared.evidence import Evidence, possible_formats
from extras.undeclared.infer import Plan, decide, warnings_of
from extras.undeclared.names import column_names
from extras.undeclared.unknown import Found, open_unknown
from extras.undeclared.wide import BUDGET, PACKED, pack, packed_warning, split_columns

# Con las primeras filas casi siempre basta; si no, lo dice una posterior y se miran todas.
FIRST_ROWS = 10_000
NOTHING = Chunk(pa.table({}), pa.array([], pa.int64()), lambda _: "", ISO)


@dataclass
class Attempt:
    """Lo aprendido de los intentos anteriores: los tipos según todas las filas, y el ancho que cabe."""

    plans: list[Plan] | None = None
    budget: int = BUDGET
    as_text: dict[str, str] = field(default_factory=dict)


def load_undeclared(session: Session, source: Source, as_text: bool) -> FileResult:
    """Carga un archivo en su tabla de `staging`; con `as_text`, sin interpretar nada.

    Repetirlo sin cambios no hace nada. Un archivo malo no es una excepción: sale en el resultado.
    """
    if original := corrects(session.connection, source):
        table, work = original.table, partial(complete, original=original)
    else:
        table, work = staging.table_for(session.connection, source), partial(_load, as_text=as_text)
    target = Target(staging.SCHEMA, table, Schema(()))
    # Siempre en este proceso, aunque los declarados vayan a un clúster.
    return load_file(session, source, target, Dialect(), work, engine="pandas")


def _load(connection: Connection, progress: Progress, job: Job, result: FileResult, *, as_text: bool) -> None:
    """La transacción entera de un archivo, sin el COMMIT."""
    lock_table(connection, job.target.name)
    if known := staging.known_as(connection, job.entry, as_text, lambda: fingerprint(job.source)):
        result.status = "skipped"
        result.reason = f"su contenido ya está en {known}" if known != job.target.name else None
        return
    job.load_id = ledger.begin(connection, job.entry)
    attempt = Attempt()
    while True:
        try:
            with connection.transaction():
                _create_and_fill(connection, progress, job, result, attempt, as_text)
            return
        except Misfit as misfit:
            # Lo decidido por todas las filas no puede fallar dos veces: el segundo intento ya es texto.
            reason = misfit.reason or (NOT_EXACT if attempt.plans else None)
            if reason:
                attempt.as_text[misfit.column] = reason
            attempt.plans = plans_from_all(job.source, attempt.as_text)
        except errors.ProgramLimitExceeded:
            attempt.budget //= 2


def _create_and_fill(
    connection: Connection, progress: Progress, job: Job, result: FileResult, attempt: Attempt, as_text: bool
) -> None:
    """Crea la tabla, la llena y la pone en el sitio de la anterior; `Misfit` si hay que repetir."""
    assert job.load_id is not None
    with opened(job.source) as file, open_unknown(job.source, file) as (document, found):
        names = column_names(found.columns, found.unnamed)
        chunks = without_ending(document.chunks({name: at for at, name in enumerate(names)}))
        first = next(chunks, None)
        reader = Reader(names, found, attempt, as_text)
        reader.look(first)
        table = staging.create(connection, job.target.table, job.load_id, reader.columns)
        writer = TableWriter(connection, Target(staging.SCHEMA, table, Schema(())), job.load_id)
        prepare = partial(reader.prepare, load_id=job.load_id)
        with closing(prefetch(map(prepare, chain([first] if first else [], chunks)))) as prepared:
            for chunk in prepared:
                writer.write(chunk)
                progress(job.source, file.bytes_read, writer.counts)
        sha256 = file.finish()
        result.status, result.counts, result.encoding = "loaded", writer.counts, found.encoding
        result.warnings = [*found.warnings, *reader.warnings]
    for name, value in found.facts().items():
        setattr(result, name, value)
    comments = dict(zip(names, found.columns, strict=True))
    staging.replace(connection, job.target.table, table, comments, staging.origin(job.entry.file, as_text))
    staging.retire(connection, job.entry, job.load_id)
    written_as = {plan.name: plan.format.name for plan in reader.plans if plan.format}
    titles = [title or name for name, title in comments.items()]
    ledger.describe(connection, job.load_id, titles, found.written, written_as)
    ledger.finish(connection, job.load_id, sha256, writer.counts, result.encoding, result.warnings)


class Reader:
    """Convierte los trozos de un archivo con los tipos decididos, atento a los que no encajan."""

    def __init__(self, names: list[str], found: Found, attempt: Attempt, as_text: bool) -> None:
        self._found = found
        self._attempt = attempt
        self._evidence = new_evidence(names, found)
        self._impossible = ImpossibleDates()
        plans = [Plan(name, pa.string()) for name in names] if as_text else attempt.plans
        self._final = plans is not None
        self.plans = plans or []

    def look(self, first: Chunk | None) -> None:
        """Decide los tipos por las primeras filas, si no se sabían ya por todas las filas."""
        if not self._final:
            observe(self._evidence, first, FIRST_ROWS)
            self.plans = decide(self._evidence, self._found.delimiter, self._attempt.as_text)
        self.kept, self.packed = split_columns(self.plans, self._attempt.budget)

    @property
    def columns(self) -> list[Plan]:
        """Las columnas de la tabla."""
        return [*self.kept, *([PACKED] if self.packed else [])]

    @property
    def warnings(self) -> list[str]:
        """Lo que la persona debe saber de los tipos."""
        return [*warnings_of(self.plans), *([packed_warning(self.packed)] if self.packed else [])]

    def prepare(self, chunk: Chunk, load_id: int) -> Prepared:
        """Un trozo, con sus tipos y listo para COPY. Lanza `Misfit` si hay que volver a decidir."""
        rows, impossible = convert(chunk, self.plans)
        if not self._final:
            self._reconsider(chunk)
        self._impossible.count(impossible, len(chunk.lines))
        rejects = sorted([*chunk.rejects, *impossible], key=lambda reject: reject.line)
        rows = pack(rows, self.packed)
        jsonb = [plan.name for plan in self.columns if plan.jsonb]
        # Sin clave no hay filas dudosas que volver a mirar: los textos del trozo no esperan en la cola.
        return Prepared(NOTHING, rows, encode(rows, load_id, jsonb), rejects)

    def _reconsider(self, chunk: Chunk) -> None:
        """Una columna en texto por dudosa o por vacía puede dejar de serlo con las filas de este trozo."""
        for plan, evidence in zip(self.plans, self._evidence, strict=True):
            if plan.format is None and evidence.alive:
                evidence.observe(chunk.columns[plan.name], chunk.lines)
        again = decide(self._evidence, self._found.delimiter, self._attempt.as_text)
        for plan, now in zip(self.plans, again, strict=True):
            if plan.format is None and now.format is not None:
                raise Misfit(plan.name)


def new_evidence(names: list[str], found: Found) -> list[Evidence]:
    """Una hoja en blanco por columna."""
    return [
        Evidence(name, possible_formats(number in found.nested, found.native), clear=found.native)
        for number, name in enumerate(names)
    ]


def observe(evidence: list[Evidence], chunk: Chunk | None, rows: int | None = None) -> None:
    """Apunta lo que dicen las filas de un trozo; con `rows`, solo las primeras."""
    for column in evidence if chunk else []:
        assert chunk is not None
        column.observe(chunk.columns[column.name][:rows], chunk.lines[:rows])


def plans_from_all(source: Source, as_text: Mapping[str, str]) -> list[Plan]:
    """Los tipos según todas las filas del archivo, sin cargar nada."""
    with opened(source) as file, open_unknown(source, file) as (document, found):
        names = column_names(found.columns, found.unnamed)
        evidence = new_evidence(names, found)
        for chunk in without_ending(document.chunks({name: at for at, name in enumerate(names)})):
            observe(evidence, chunk)
    return decide(evidence, found.delimiter, as_text)
