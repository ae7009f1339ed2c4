"""Compara la detección propia con otras, sobre el corpus: `make compare`, que instala las demás aparte.

La que falte se salta: ninguna es dependencia del proyecto. Sale la tabla de `docs/deteccion.md`. A las herramientas que no averiguan la codificación se
les da la correcta, para medir solo lo suyo; a pandas y a DuckDB, el archivo tal cual.
"""

import contextlib
import csv
import io
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "app")]

from corpus.answers import Case, cases

Rows = list[list[str]]


@dataclass
class Answer:
    """Lo que dice una herramienta: `spoke` si avisó, apartó alguna fila o se negó."""

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: bool = True
    first_line: int | None = None
    width: int = 0
    rows: Rows = field(default_factory=list)
    encoding: str | None = None
    spoke: bool = False


def ours(case: Case) -> Answer:
    from extras.undeclared.ending import without_ending
    from etl.extract.source import Source, opened
    from extras.undeclared.unknown import open_unknown

    source = Source(case.path, case.path.name, case.path.name)
    with opened(source) as file, open_unknown(source, file) as (document, found):
        positions = {str(number): number for number in range(len(found.columns))}
        chunks = list(without_ending(document.chunks(positions)))
    rows = [[v or "" for v in row.values()] for chunk in chunks for row in chunk.columns.to_pylist()]
    seen = found.detected
    assert seen is not None
    return Answer(
        seen.delimiter, seen.dialect.quote, seen.dialect.escape, seen.dialect.header,
        seen.dialect.preamble_rows + seen.header_rows + 1,
        len(found.columns), rows, found.encoding, bool(found.warnings or any(c.rejects for c in chunks)),
    )  # fmt: skip


def sniffer(case: Case) -> Answer:
    text = case.path.read_bytes().decode(case.encoding, "replace")
    dialect = csv.Sniffer().sniff(text)
    header = csv.Sniffer().has_header(text)
    rows = list(csv.reader(io.StringIO(text, newline=""), dialect))
    return _read(dialect.delimiter, dialect.quotechar, None if dialect.doublequote else "\\", header, rows)


def clever(case: Case) -> Answer:
    import clevercsv

    text = case.path.read_bytes().decode(case.encoding, "replace").lstrip("\ufeff")
    dialect = clevercsv.Detector().detect(text)
    if dialect is None:
        raise ValueError("sin dialecto")
    header = bool(clevercsv.Detector().has_header(text))
    rows = list(clevercsv.reader(io.StringIO(text, newline=""), dialect))
    return _read(dialect.delimiter, dialect.quotechar, dialect.escapechar or None, header, rows)


def duck(case: Case) -> Answer:
    import duckdb

    path = str(case.path)
    with duckdb.connect() as connection:
        seen = connection.execute(
            "SELECT Delimiter, Quote, Escape, HasHeader, SkipRows FROM sniff_csv(?)", [path]
        ).fetchone()
        rows = connection.execute("SELECT * FROM read_csv(?, all_varchar = true)", [path]).fetchall()
    assert seen is not None
    escape = "\\" if seen[2] == "\\" else None
    first = int(seen[4]) + (2 if seen[3] else 1)
    texts = [[cell or "" for cell in row] for row in rows]
    return Answer(seen[0], seen[1], escape, seen[3], first, len(rows[0]) if rows else 0, texts, "utf-8")


def pandas_default(case: Case) -> Answer:
    return _pandas(case)


def pandas_sniffing(case: Case) -> Answer:
    return _pandas(case, sep=None, engine="python")


def _pandas(case: Case, **options: Any) -> Answer:
    import pandas as pd

    frame = pd.read_csv(case.path, dtype=str, keep_default_na=False, **options)
    delimiter = "," if not options else _sniffed(case)
    index = not isinstance(frame.index, pd.RangeIndex)
    rows = frame.reset_index().to_numpy().tolist() if index else frame.to_numpy().tolist()
    texts = [["" if cell is None or cell != cell else str(cell) for cell in row] for row in rows]
    return Answer(delimiter, '"', None, True, 2, frame.shape[1] + index, texts, "utf-8")


def _sniffed(case: Case) -> str:
    first = case.path.read_text("utf-8").splitlines()[0]
    return csv.Sniffer().sniff(first).delimiter


def _read(delimiter: str, quote: str | None, escape: str | None, header: bool, rows: Rows) -> Answer:
    data = [row for row in rows[1 if header else 0 :] if row]
    width = Counter(map(len, data)).most_common(1)[0][0] if data else len(rows[0]) if rows else 0
    return Answer(delimiter, quote, escape, header, 2 if header else 1, width, data)


TOOLS: dict[str, Callable[[Case], Answer]] = {
    "**la propia**": ours,
    "clevercsv": clever,
    "DuckDB (`sniff_csv`)": duck,
    "`csv.Sniffer`": sniffer,
    "pandas `read_csv`": pandas_default,
    "pandas `sep=None`": pandas_sniffing,
}


def right_dialect(case: Case, answer: Answer) -> bool:
    """Separador, comillas y escape; con una sola columna basta con que salga una."""
    if len(case.columns) == 1:
        return answer.width == 1
    same = (answer.delimiter or "").strip(" ") == case.delimiter.strip(" ")
    return same and case.quote in (None, answer.quote) and (case.escape is None or answer.escape == case.escape)


def right_header(case: Case, answer: Answer) -> bool:
    """Que la haya o no, y en qué línea empiezan los datos."""
    return answer.header == case.header and answer.first_line == case.first_data_line


def wrong_rows(case: Case, answer: Answer) -> int:
    """Filas que no están en la respuesta y se dan por buenas sin decir una palabra."""
    expected = Counter(tuple(cell or "" for cell in row) for row in case.rows)
    loaded = Counter(map(tuple, answer.rows))
    return 0 if answer.spoke else sum((loaded - expected).values())


def encodings(case: Case) -> dict[str, str | None]:
    """Lo que dice de la codificación cada biblioteca, y lo propio."""
    data = case.path.read_bytes()
    from extras.undeclared.detection.charset import detect_encoding

    said = {"**la propia**": detect_encoding(data)[0]}
    with contextlib.suppress(ImportError):
        from charset_normalizer import from_bytes

        best = from_bytes(data).best()
        said["charset-normalizer"] = best and best.encoding
    with contextlib.suppress(ImportError):
        import chardet

        said["chardet"] = chardet.detect(data)["encoding"]
    return said


def reads_the_same(case: Case, encoding: str | None) -> bool:
    """Acierta quien da el mismo texto, se llame como se llame la codificación."""
    data = case.path.read_bytes()
    try:
        read = data.decode(encoding or "ascii", "replace").lstrip("\ufeff")
    except LookupError:
        return False
    return read == data.decode(case.encoding, "replace").lstrip("\ufeff")


def main() -> None:
    warnings.simplefilter("ignore")
    files = [case for case in cases() if case.path.stat().st_size and not case.refused]
    total = len(files)
    print(f"{total} archivos\n")
    print("| | dialecto | cabecera | ambos | filas malas en silencio | en archivos | no lo lee | segundos |")
    print("|---|---|---|---|---|---|---|---|")
    for name, tool in TOOLS.items():
        print(_score(name, tool, files))
    print("\n| | codificación |\n|---|---|")
    right: Counter[str] = Counter()
    for case in files:
        right.update({name: reads_the_same(case, said) for name, said in encodings(case).items()})
    for name, count in right.items():
        print(f"| {name} | {_percent(count, total)} |")


def _score(name: str, tool: Callable[[Case], Answer], files: list[Case]) -> str:
    started, scores, failed, silent, bad = time.perf_counter(), Counter[str](), 0, 0, 0
    for case in files:
        try:
            answer = tool(case)
        except ImportError:
            return f"| {name} | no está instalada | | | | | | |"
        except Exception:  # noqa: BLE001 - una herramienta que se niega no acierta, pero tampoco engaña
            failed += 1
            continue
        dialect, header = right_dialect(case, answer), right_header(case, answer)
        scores.update(dialect=dialect, header=header, both=dialect and header)
        wrong = wrong_rows(case, answer)
        silent, bad = silent + wrong, bad + bool(wrong)
    total, seconds = len(files), time.perf_counter() - started
    shares = " | ".join(_percent(scores[key], total) for key in ("dialect", "header", "both"))
    spent = f"{seconds:.1f}".replace(".", ",")
    return f"| {name} | {shares} | {silent} | {bad} | {failed} | {spent} |"


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %".replace(".", ",")


if __name__ == "__main__":
    main()
