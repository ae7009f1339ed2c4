"""Lo que `own_sample.py` dice que debe pasar al cargar sus archivos es lo que pasa."""

from dataclasses import astuple, replace
from pathlib import Path

import pytest

from etl.settings import Settings
from own_rows import load
from own_sample import write_sample


@pytest.mark.parametrize("every", [2, 5, 100])
def test_every_file_of_the_sample_loads_as_it_was_counted(settings: Settings, tmp_path: Path, every: int) -> None:
    expected = write_sample(tmp_path / "ejemplo", 6000, every=every, months=3)
    result = load(replace(settings, datos_dir=tmp_path / "ejemplo"))
    found = {
        file.file: (file.counts.read, file.counts.loaded, file.counts.duplicate, file.counts.rejected)
        for file in result.files
    }
    assert found == {name: astuple(one) for name, one in expected.items()}
    assert expected["ventas_2025-01.csv"].rows_duplicate > 0


def test_the_sample_has_always_the_same_bytes(tmp_path: Path) -> None:
    for name in ("una", "otra"):
        write_sample(tmp_path / name, 1200)
    for path in (tmp_path / "una").iterdir():
        assert path.read_bytes() == (tmp_path / "otra" / path.name).read_bytes()
