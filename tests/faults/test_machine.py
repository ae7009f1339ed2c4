"""La máquina del cargador: sin sitio donde escribir, sin memoria, o con el archivo cambiando bajo sus pies."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from disk import remount, small_disk
from etl.load.ledger import Counts
from etl.settings import Settings
from loader import LOADED, Reader, big_sales, check_invariants, content, etl, finish, loader, prepare, statuses
from own_rows import CLIENTES, cliente, load, write

pytestmark = pytest.mark.faults

# --- 10. La carpeta de salida ----------------------------------------------------------------

OUTPUTS = {"report": ("--output", "informe.html"), "rejects": ("clientes", "--csv", "corregir.csv")}


def rejected(settings: Settings) -> None:
    """Algo en cuarentena, que ocupa más de lo que cabe en el disco pequeño."""
    write(settings, "clientes.csv", CLIENTES, *(cliente(number, fecha_alta="ayer") for number in range(1000)))
    load(settings)


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.parametrize(("trouble", "reason"), [("size=16k", "el disco está lleno"), ("ro", "ahí solo se puede leer")])
def test_10_an_output_that_cannot_be_written_is_one_clear_error_and_leaves_nothing(
    settings: Settings, tmp_path: Path, command: str, trouble: str, reason: str
) -> None:
    rejected(settings)
    with small_disk(tmp_path / "disco", 1 << 20) as disk:
        remount(disk, trouble)
        *options, name = OUTPUTS[command]
        done = etl(settings, command, *options, str(disk / name))
        assert done.returncode == 2
        first, hint = done.stderr.splitlines()[:2]
        assert first.startswith("Error: No se puede escribir «")
        assert first.endswith(f"»: {reason}.")
        assert hint
        assert "Traceback" not in done.stderr
        assert list(disk.iterdir()) == []


def test_10_a_failed_output_keeps_the_one_that_was_there(settings: Settings, tmp_path: Path) -> None:
    rejected(settings)
    with small_disk(tmp_path / "disco", 1 << 20) as disk:
        output = disk / "corregir.csv"
        assert etl(settings, "rejects", "clientes", "--csv", str(output)).returncode == 0
        before = output.read_bytes()
        remount(disk, f"size={len(before) + 8192}")
        assert etl(settings, "rejects", "clientes", "--csv", str(output)).returncode == 2
        assert output.read_bytes() == before


def test_10_the_quarantine_may_be_sent_to_the_terminal(settings: Settings) -> None:
    rejected(settings)
    done = etl(settings, "rejects", "clientes", "--csv", "/dev/stdout")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1002  # la cabecera, las filas y lo que se dice al acabar


# --- 11. La memoria --------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="solo Linux limita la memoria de un proceso")
def test_11_without_memory_nothing_is_loaded_and_it_says_so(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(settings)
    with Reader(settings) as reader, loader(settings, SPARE_MEMORY=str(2 << 20)) as loading:
        codes = [loading.run()]
    check_invariants(settings)
    assert content(settings)[0] == 0
    said = capfd.readouterr().err
    # Arrow aborta el proceso en vez de avisar si le falta justo en alguna de sus funciones (-6), y el
    # sistema, si no puede traer del disco una biblioteca (127).
    assert set(codes) <= {3, -6, 127}
    assert statuses(settings) == ["failed"] * codes.count(3) != []
    assert said.count("No hay memoria suficiente.") == codes.count(3)
    assert "Traceback" not in said
    assert {count for count, *_ in reader.seen} <= {0}
    finish(settings)


# --- 15. El archivo --------------------------------------------------------------------------


def replaced(path: Path) -> None:
    other = path.with_suffix(".nuevo")
    other.write_text(big_sales("tienda"))
    other.replace(path)


def rewritten(path: Path) -> None:
    path.write_text(big_sales("tienda"))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def grown(path: Path) -> None:
    with path.open("a") as file:
        file.write("una línea más\n")


@pytest.mark.parametrize("change", [replaced, rewritten, truncated, grown, Path.unlink])
def test_15_a_file_that_changes_while_it_is_read_is_refused_whole(
    settings: Settings, change: Callable[[Path], None]
) -> None:
    path = prepare(settings)
    changes = [change]

    def meddle(_source: object, _bytes: int, _counts: Counts) -> None:
        if changes:
            changes.pop()(path)

    with Reader(settings) as reader:
        result = load(settings, path, progress=meddle).files[0]
        check_invariants(settings)
    assert changes == []
    assert result.status == "refused"
    assert result.reason == "El archivo cambió mientras se leía. Espere a que esté completo y repita la carga."
    assert (statuses(settings), content(settings)[0]) == (["refused"], 0)
    assert {count for count, *_ in reader.seen} <= {0}
    path.write_text(big_sales())
    assert load(settings).exit_code == 0
    assert content(settings)[0] == LOADED
