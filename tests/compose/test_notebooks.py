"""JupyterLab con el stack de verdad: pide su testigo, y el cuaderno que trae se ejecuta entero."""

import json
import urllib.error
import urllib.request

import pytest

from compose.stack import Stack
from etl.settings import ROOT

FIRST_STEPS = ROOT / "spark" / "notebooks" / "primeros_pasos.ipynb"


def asked(stack: Stack, path: str) -> int:
    """El código con que contesta JupyterLab, en el puerto de esta máquina."""
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{stack.environment['JUPYTER_PORT']}/{path}", timeout=30
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_it_only_lets_in_who_knows_the_token(notebooks: Stack) -> None:
    assert asked(notebooks, "api/contents") == 403
    assert asked(notebooks, "api/contents?token=otro") == 403
    assert asked(notebooks, "api/contents?token=cuaderno2026") == 200
    assert asked(notebooks, "lab?token=cuaderno2026") == 200


def test_what_is_saved_stays_in_the_folder_of_the_project(notebooks: Stack) -> None:
    notebooks.compose("exec", "-T", "notebooks", "sh", "-c", "echo '{}' > prueba.ipynb")
    saved = notebooks.folder / "spark" / "notebooks" / "prueba.ipynb"
    assert saved.read_text() == "{}\n"
    saved.unlink()


def test_the_notebook_comes_without_results_of_anybody() -> None:
    cells = json.loads(FIRST_STEPS.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.spark
def test_the_notebook_counts_draws_and_says_the_same_with_pandas_and_with_spark(notebooks: Stack) -> None:
    order = ("jupyter", "nbconvert", "--execute", "--to", "notebook", "--stdout", FIRST_STEPS.name)
    # `run`, y no `exec`: con lo que prepara la entrada de la imagen, como los cuadernos que abre JupyterLab.
    done = notebooks.compose("run", "--rm", "-T", "--no-deps", "notebooks", *order, timeout=300)
    outputs = [output for cell in json.loads(done.stdout)["cells"] for output in cell.get("outputs", [])]
    text = "".join("".join(output.get("text", ())) for output in outputs)
    sales = notebooks.number("SELECT count(*) FROM ventas")
    assert sales > 0
    assert f"ventas: {sales} filas, contadas con pandas y con Spark" in text
    for channel, rows in notebooks.query("SELECT canal, count(*) FROM ventas GROUP BY 1", user="lector"):
        assert f"{channel}|{rows}" in text.replace(" ", "")
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1
    # Ni avisos ni errores que un alumno no sepa leer.
    assert [output for output in outputs if output.get("name") == "stderr"] == []
