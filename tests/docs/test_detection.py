"""Lo que docs/deteccion.md dice del corpus es lo que hay."""

from corpus.answers import cases
from etl.settings import ROOT

TEXT = (ROOT / "docs" / "deteccion.md").read_text(encoding="utf-8")


def test_the_document_counts_the_files_of_the_corpus() -> None:
    compared = [case for case in cases() if case.path.stat().st_size and not case.refused]
    assert f"son {len(cases())} archivos pequeños" in TEXT
    assert f"Los {len(compared)} que tienen algo que averiguar" in TEXT
