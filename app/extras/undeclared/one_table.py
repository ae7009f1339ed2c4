"""Un archivo sin declarar, a `staging.<nombre>`: una tabla nueva con los tipos que dicen sus filas.

Se miran las primeras filas, se decide el tipo de cada columna y se carga todo de una pasada. Si una
fila posterior no encaja, se deshace, se miran todas y se carga otra vez: ninguna fila se pierde
ni se cambia. La tabla anterior del mismo archivo se sustituye en la misma transacción.
Qué tipo tiene cada columna lo decide `infer.py`; cómo está escrito el archivo, `unknown.py`.
"""

from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, takewhile

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import errors

from etl.chunk import EMPTY, Chunk
from etl.database.connection import Connection
from etl.errors import FileRefused
from etl.extract.source import Opened, Source, opened
from etl.load import ledger
from etl.load.ledger import Load
from etl.load.table import Prepared, TableWriter
from etl.local import Advance
from etl.one_file import load_file
from etl.run import FileResult, Session
from etl.schema import Table
from extras.bulk.stream import StreamingWriter
from extras.bulk.writer import write_all
from extras.formats.look import ODD_SIGN
from extras.formats.readers import EXCEL, SQLITE
from extras.undeclared import staging
from extras.undeclared.convert import NOT_EXACT, ImpossibleDates, Misfit, convert, odd_sign
from extras.undeclared.evidence import Evidence, new_evidence, observe
from extras.undeclared.formats import NESTED
from extras.undeclared.infer import Plan, decide, warnings_of
from extras.undeclared.names import TOO_WIDE
from extras.undeclared.unknown import Found, open_rows, open_unknown

# Con las primeras filas casi siempre basta; si no, lo dice una posterior y se miran todas.
FIRST_ROWS = 5_000


@dataclass
class Attempt:
    """Lo aprendido de los intentos anteriores: lo visto en todas las filas, y qué columnas quedan en texto y por qué."""

    evidence: list[Evidence] | None = None
    as_text: dict[str, str] = field(default_factory=dict)


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
            if reason := misfit.reason or (NOT_EXACT if attempt.evidence else None):
                attempt.as_text[misfit.column] = reason
            attempt.evidence = attempt.evidence or evidence_of_all(load.source)
        except errors.ProgramLimitExceeded as error:
            raise FileRefused(
                f"Hay filas que no caben en una tabla ({error.diag.message_primary}).", TOO_WIDE
            ) from error


def _create_and_fill(
    connection: Connection, load: Load, result: FileResult, attempt: Attempt, as_text: bool, advance: Advance
) -> None:
    """Crea la tabla, la llena y la pone en el sitio de la anterior; `Misfit` si hay que repetir."""
    with opened(load.source) as file, open_unknown(load.source, file) as (document, found):
        chunks = found.chunks(document)
        first = next(chunks, None)
        few = first is None or len(first.lines) <= FIRST_ROWS
        second = next(chunks, None) if few else None
        whole = few and second is None
        reader = Reader(found, attempt, as_text, first, whole)
        table = staging.create(connection, load.table.table, load.load_id, reader.columns)
        target = connection, Table(staging.SCHEMA, table, jsonb=reader.jsonb), load.load_id
        # Un CSV corto no gana nada con lo demás; en CSV no se escribe todo lo que lleva un Parquet.
        plain = found.detected and whole
        with nullcontext(TableWriter(*target)) if plain else OneLoadWriter(*target) as writer:
            ready = (reader.prepare(chunk, writer) for chunk in chain(filter(None, (first, second)), chunks))
            result.counts = write_all(writer, ready, file, advance)
        sha256 = file.finish()
        found.describe(result)
        told = [*found.told(reader.nameless), *reader.warnings]
    originals = dict(zip(found.names, found.columns, strict=True))
    kept = {plan.name: originals[plan.name] for plan in reader.columns}
    replaced = staging.replace(connection, load, table, kept, as_text)
    result.warnings = [*told, *result.counts.warnings, *replaced]
    written_as = {plan.name: plan.format.name for plan in reader.plans if plan.format}
    titles = [title or name for name, title in originals.items()]
    ledger.describe(connection, load, titles, found.written, written_as)
    ledger.finish(connection, load, sha256, result.counts, result.encoding, result.warnings)


class OneLoadWriter(StreamingWriter):
    """Para una tabla con filas de una sola carga: su número lo pone la tabla, y no va en cada fila."""

    ADDED = ()
    encode = StreamingWriter.formatted


class Reader:
    """Convierte los trozos de un archivo con los tipos decididos, atento a los que no encajan."""

    def __init__(self, found: Found, attempt: Attempt, as_text: bool, first: Chunk | None, whole: bool) -> None:
        """Decide los tipos por las primeras filas, si no se conocen ya todas. `whole`: no hay más."""
        self._found = found
        self._attempt = attempt
        self._impossible = ImpossibleDates()
        self._observed = FIRST_ROWS  # del primer trozo, esas ya están miradas
        self._odd: str | None = next((told for told in found.warnings if told.startswith(ODD_SIGN)), None)
        self._evidence = attempt.evidence or new_evidence(found.names, found.kinds, found.native)
        if not (as_text or attempt.evidence):
            if first:
                observe(self._evidence, first, FIRST_ROWS)
            if whole:
                attempt.evidence = self._evidence
        self._final = as_text or attempt.evidence is not None
        texts = [Plan(name, pa.string()) for name in found.names]
        self.plans = texts if as_text else decide(self._evidence, found.delimiter, attempt.as_text)
        titles = dict(zip(found.names, found.columns, strict=True))
        # Las últimas columnas, mientras no tengan ni nombre ni valores, solo son separadores de más.
        tail = takewhile(lambda one: not one.count and not titles[one.name].strip(), reversed(self._evidence[1:]))
        self.nameless = [one.name for one in tail]
        self.columns = self.plans[: len(self.plans) - len(self.nameless)]
        self.jsonb = tuple(plan.name for plan in self.columns if plan.format is NESTED)

    @property
    def warnings(self) -> list[str]:
        """Lo que la persona debe saber de los tipos."""
        told = warnings_of(self.plans)
        if self._odd and self._odd not in self._found.warnings:  # el del principio del archivo ya está dicho
            told.insert(0, self._odd)
        if self.nameless:
            told.append(f"Columnas del final sin nombre ni valores, que se quitan: {len(self.nameless)}.")
        return told

    def prepare(self, chunk: Chunk, writer: TableWriter) -> Prepared:
        """Un trozo, con sus tipos y listo para COPY. Lanza `Misfit` si hay que volver a decidir."""
        rows, rejects = convert(chunk, self.plans)
        self._odd = self._odd or odd_sign(chunk)
        if not self._final:
            self._reconsider(chunk)
        self._impossible.count(rejects, len(chunk.lines))
        for name in self.nameless:
            if pc.any(pc.not_equal(pc.utf8_trim_whitespace(rows[name]), EMPTY)).as_py():
                raise Misfit(name)
        rows = rows.drop_columns(self.nameless)
        # Sin clave no hay filas dudosas que volver a mirar: los textos del trozo no esperan en la cola.
        return Prepared(rows, writer.encode(rows), rejects, blank=chunk.blank)

    def _reconsider(self, chunk: Chunk) -> None:
        """Por las filas de este trozo, una columna dudosa o vacía puede dejar de ser texto, y una de decimales, serlo."""
        rest, self._observed = slice(self._observed, None), 0
        pairs = zip(self.plans, self._evidence, strict=True)
        doubtful = [seen for plan, seen in pairs if (seen.unsettled if plan.format else seen.alive)]
        if not doubtful:
            return
        for evidence in doubtful:
            evidence.observe(chunk.columns[evidence.name][rest], chunk.lines[rest])
        again = decide(self._evidence, self._found.delimiter, self._attempt.as_text)
        for plan, now in zip(self.plans, again, strict=True):
            if (plan.format is None) != (now.format is None):
                raise Misfit(plan.name)


def evidence_of_all(source: Source) -> list[Evidence]:
    """Lo que dicen de los tipos todas las filas del archivo, sin cargar nada."""
    with open_rows(source) as (found, chunks):
        evidence = new_evidence(found.names, found.kinds, found.native)
        for chunk in chunks:
            observe(evidence, chunk)
    return evidence
