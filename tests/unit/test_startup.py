"""`etl run` arranca sin pandas, y quien lo necesita lo tiene igual."""

import subprocess
import sys

from etl.settings import ROOT

USE = """
import sys
from etl import startup
startup.light()
import pyarrow as pa
numbers = pa.array([3, 1, 3])
print("pandas" in sys.modules)
frame = pa.table({"n": numbers}).to_pandas()
print(frame["n"].duplicated().tolist())
print(pa.array(frame["n"].replace(1, None)).null_count)
"""


def test_arrow_does_without_pandas_until_someone_needs_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=ROOT / "app", capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["False", "[False, False, True]", "1"]
