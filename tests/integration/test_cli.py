"""La orden `etl` entera, en su proceso: códigos de salida, el documento JSON y qué sale por dónde."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from etl.extract.source import Source
from etl.load.ledger import Counts
from etl.settings import Settings
from extras.screen import progress
from extras.screen.progress import Whole
from loader import check_invariants, environment, etl, finish, prepare, statuses, wait_for_copy
from own_rows import CLIENTES, cliente, clientes, load_one, query, run_with, write, write_parents
from support import connect_settings

pytestmark = pytest.mark.any_server

# Lo que otro programa puede esperar siempre de un archivo; puede haber más.
PROMISED = {
    "file": str, "dataset": str, "table": str, "status": str, "rows_read": int, "rows_loaded": int,
    "rows_updated": int, "rows_duplicate": int, "rows_rejected": int, "bytes": int, "seconds": float,
}  # fmt: skip


def test_json_is_one_document_with_what_was_promised(settings: Settings) -> None:
    write(settings, "clientes.csv", CLIENTES, cliente(1), cliente(1), cliente(2, fecha_alta="ayer"))
    write(settings, "clientes_vacio.csv", "")
    done = etl(settings, "run", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (3, "")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", document["run_id"])
    assert document["engine"] == "local"
    good, bad = document["files"]
    for file in document["files"]:
        assert {name: type(file[name]) for name in PROMISED} == PROMISED
        del file["seconds"]
    assert good == good | {
        "file": "clientes.csv", "dataset": "clientes", "table": "datos.clientes", "status": "loaded",
        "rows_read": 3, "rows_loaded": 1, "rows_updated": 0, "rows_duplicate": 1, "rows_rejected": 1,
        "bytes": (settings.datos_dir / "clientes.csv").stat().st_size, "reason": None,
    }  # fmt: skip
    assert bad == bad | {
        "file": "clientes_vacio.csv", "status": "refused", "rows_read": 0, "bytes": 0,
        "reason": "El archivo está vacío: no tiene ni cabecera. Expórtelo de nuevo desde su origen.",
    }  # fmt: skip
    assert query(settings, "SELECT DISTINCT run_id::text FROM etl.loads") == [document["run_id"]]


def test_quiet_says_nothing_but_what_failed(settings: Settings) -> None:
    write(settings, "clientes.csv", CLIENTES, cliente(1), cliente(2, fecha_alta="ayer"))
    for _ in range(2):
        done = etl(settings, "run", "--quiet")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    write(settings, "clientes_vacio.csv", "")
    done = etl(settings, "run", "--quiet")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("✖ clientes_vacio.csv: El archivo está vacío")


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "said"),
    [
        pytest.param(["run"], {}, 0, "", id="0 todo cargado"),
        pytest.param(["run", "no_existe.csv"], {}, 2, "No existe «no_existe.csv»", id="2 una ruta que no existe"),
        pytest.param(["run", "--motor", "x"], {}, 2, "--motor", id="2 una opción que no existe"),
        pytest.param(["run", "--datasets", "no.py"], {}, 2, "No se puede leer «no.py»", id="2 sin declaraciones"),
        pytest.param(["run"], {"DB_PORT": "cinco"}, 2, "DB_PORT", id="2 una variable mal escrita"),
        pytest.param(["run", "{vacío}"], {}, 3, "está vacío", id="3 un archivo rechazado"),
        pytest.param(["run"], {"DB_PORT": "1", "DB_CONNECT_SECONDS": "0.2"}, 4, "No se puede usar", id="4 nadie escucha"),
        pytest.param(["run"], {"DB_NAME": "otra"}, 4, "otra", id="4 la base no existe"),
    ],
)  # fmt: skip
def test_the_exit_code_says_how_it_ended(
    settings: Settings, tmp_path: Path, arguments: list[str], changes: dict[str, str], code: int, said: str
) -> None:
    write_parents(settings)
    (tmp_path / "clientes_vacio.csv").touch()
    paths = {"{vacío}": str(tmp_path / "clientes_vacio.csv")}
    done = etl(settings, *(paths.get(argument, argument) for argument in arguments), **changes)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_ours_ends_with_1_and_hides_its_trace_until_asked(settings: Settings, tmp_path: Path) -> None:
    broken = shutil.copytree(settings.sql_dir, tmp_path / "sql")
    (broken / "init.sql").unlink()
    done = etl(settings, "migrate", SQL_DIR=str(broken))
    assert (done.returncode, done.stderr.splitlines()[0][:25]) == (1, "Error: FileNotFoundError:")
    assert "Traceback" in etl(settings, "migrate", SQL_DIR=str(broken), ETL_DEBUG="1").stderr


@pytest.mark.spark
def test_a_cluster_that_does_not_answer_ends_with_5(settings: Settings) -> None:
    done = etl(settings, "run", "--engine", "spark", SPARK_MASTER_URL="spark://127.0.0.1:1")
    assert (done.returncode, "Traceback" in done.stderr) == (5, False), done.stderr
    assert query(settings, "SELECT count(*) FROM etl.loads") == [0]


# --- En un terminal --------------------------------------------------------------------------


def in_a_terminal(settings: Settings, *arguments: str) -> tuple[int, int]:
    """`etl` con un terminal de verdad por entrada y salidas. Devuelve el proceso y el terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(
            sys.executable,
            [sys.executable, "-m", "wiring", *arguments],
            environment(settings, TERM="xterm-256color", COLUMNS="100", LINES="30", DB_LOCK_SECONDS="600"),
        )
    return pid, terminal


def read_until_closed(terminal: int) -> str:
    seen = b""
    while True:
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # el otro lado ya no está
            break
        if not data:
            break
        seen += data
    os.close(terminal)
    return seen.decode()


def test_ctrl_c_stops_at_once_says_so_and_leaves_nothing(settings: Settings) -> None:
    prepare(settings)
    with connect_settings(settings) as other, other.transaction():
        # Con la cuarentena reservada, la carga se queda a medias: hay tiempo para pararla.
        other.execute("LOCK TABLE etl.rejects IN SHARE MODE")
        pid, terminal = in_a_terminal(settings, "run")
        wait_for_copy(settings, "etl.*rejects")
        os.write(terminal, b"\x03")
        seen = read_until_closed(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code == 130
    assert "Interrumpido: no queda nada a medias." in seen
    assert "Traceback" not in seen
    check_invariants(settings)
    assert statuses(settings) == ["failed"]
    finish(settings)


def test_a_terminal_shows_which_file_of_how_many_the_bytes_of_all_the_rate_and_the_time_left(
    settings: Settings,
) -> None:
    path = prepare(settings)
    # Cuatro veces más, para que dé tiempo a verla; y otro detrás, que aún falta.
    text = path.read_text()
    path.write_text(text + text.split("\n", 1)[1] * 3)
    path.with_name("zonas.csv").write_text("zona\n1\n")
    total = (path.stat().st_size + 7) // 1_000_000
    pid, terminal = in_a_terminal(settings, "run")
    seen = read_until_closed(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    shown = rf"1/2 ventas\.csv [━╸╺ ]+ +[0-9]+ % [0-9]+ de {total} MB [0-9.]+ filas/s faltan [0-9]+ s"
    assert re.search(shown, plain), plain[:500]


def test_what_is_loaded_already_is_not_among_what_is_left(settings: Settings) -> None:
    whole = Whole([source := Source(settings.datos_dir / "b.csv", "b.csv", "b.csv")])
    source.path.write_bytes(b"x" * 4000)
    whole.advance(source, 1000, Counts(read=10))
    assert (whole.files, whole.bytes, whole.rows) == ("1/1", "1 de 4 KB", 10)
    assert re.fullmatch(r"faltan \d+ s", whole.left)


def test_a_log_has_a_line_every_so_often(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0)
    sources = [Source(settings.datos_dir / name, name, name) for name in ("a.csv", "b.csv")]
    for source in sources:
        source.path.write_bytes(b"x" * 2000)
    with progress.show_progress(sources) as advance:
        advance(sources[1], 1000, Counts(read=1))
    assert re.fullmatch(r"2/2 b\.csv: 1 fila, 3 de 4 KB, faltan \d+ s\n", capsys.readouterr().err)


def test_the_bytes_of_a_zip_are_shared_by_what_is_inside_and_never_go_back(settings: Settings) -> None:
    path, other = settings.datos_dir / "a.zip", settings.datos_dir / "b.csv"
    path.write_bytes(b"x" * 4000)
    other.write_bytes(b"x" * 1000)
    one, two = (Source(path, f"a.zip/{name}", name, inside=f"/{name}") for name in ("1.csv", "2.csv"))
    whole = Whole([one, two, Source(other, "b.csv", "b.csv")])
    seen = []
    for source, done in ((one, 0), (two, 0), (two, 4000), (one, 0)):
        whole.advance(source, done, Counts(read=5))
        seen.append((whole.files, whole.done, whole.rows))
    assert seen == [("1/3", 0, 5), ("2/3", 2000, 10), ("2/3", 4000, 10), ("1/3", 4000, 10)]
    # Una hoja de un libro, que se espera entero.
    whole.advance(Source(other, "b.csv/Hoja", "b.csv", inside="/Hoja"), 500, Counts(read=1))
    assert (whole.files, whole.done) == ("3/3", 4500)


def test_what_is_read_in_jumps_advances_too(settings: Settings) -> None:
    """Un miembro de un .zip y un Parquet no se leen por su archivo, de principio a fin."""
    lines = "a;b\n" + "".join(f"{number};{number * 7919 % 99991}\n" for number in range(1_500_000))
    with zipfile.ZipFile(settings.datos_dir / "muchas.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("muchas.csv", lines)
    rows = pa.table({"a": range(300_000), "b": [str(number) for number in range(300_000)]})
    parquet.write_table(rows, settings.datos_dir / "otras.parquet", row_group_size=50_000)
    seen: dict[str, list[int]] = {}

    def advance(source: Source, done: int, _counts: Counts) -> None:
        seen.setdefault(source.suffix, []).append(done)

    assert all(file.status == "loaded" for file in run_with(settings, [], progress=advance).files)
    for suffix, done in seen.items():
        assert done == sorted(done), suffix
        assert 0 < done[len(done) // 2] < done[-1], suffix
    assert set(seen) == {".csv", ".parquet"}


def test_elsewhere_there_is_no_bar_nor_colour(settings: Settings) -> None:
    write(settings, "clientes.csv", CLIENTES, cliente(1))
    done = etl(settings, "run")
    assert "\x1b" not in done.stdout + done.stderr
    assert re.search(r"clientes\.csv +cargado +1 +1 +0 +0", done.stdout)
    assert done.stderr == ""


def test_nothing_to_correct_and_a_name_with_spaces_have_hints_that_can_be_followed(
    settings: Settings, tmp_path: Path
) -> None:
    write(settings, "clientes.csv", CLIENTES, cliente(1))
    assert etl(settings, "run", "--quiet").returncode == 0
    path = tmp_path / "por corregir.csv"
    assert etl(settings, "rejects", "clientes", "--csv", str(path)).stdout.strip() == f"0 filas en «{path}»."
    write(settings, "clientes.csv", CLIENTES, cliente(1), cliente(2, fecha_alta="ayer"))
    assert etl(settings, "run", "--quiet").returncode == 0
    path.unlink()
    assert etl(settings, "rejects", "clientes", "--csv", str(path)).stdout.strip().endswith(f" run '{path}'")


# --- Para otros programas, y para el propio terminal ------------------------------------------


def test_the_state_and_the_quarantine_are_also_documents(settings: Settings) -> None:
    write(settings, "clientes.csv", CLIENTES, cliente(1), cliente(1), cliente(2, fecha_alta="ayer"))
    assert etl(settings, "run", "--quiet").returncode == 0
    state = json.loads(etl(settings, "status", "--json").stdout)
    assert {"table": "datos.clientes", "rows": 1} in state["tables"]
    [load] = state["loads"]
    assert datetime.fromisoformat(load.pop("started_at")).tzinfo
    assert load == {
        "file": "clientes.csv", "status": "loaded", "rows_loaded": 1, "rows_duplicate": 1, "rows_rejected": 1,
        "error": None,
    }  # fmt: skip
    assert state["warnings"] == []
    example = "columna «fecha_alta»: se leyó «ayer» y se esperaba una fecha que exista"
    assert json.loads(etl(settings, "rejects", "clientes", "--json").stdout) == {
        "rejects": [{"table": "datos.clientes", "code": "type", "rows": 1, "example": example}]
    }


def test_it_says_its_version(settings: Settings) -> None:
    assert etl(settings, "--version").stdout == f"etl {version('etl')}\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("r", "run rejects revision report"), ("run --q", "--quiet"), ("db st", "start stop"), ("run da", "")],
)
def test_bash_completes_orders_and_options_and_leaves_the_paths_to_itself(
    settings: Settings, typed: str, offered: str
) -> None:
    words = ["etl", *typed.split()]
    script = (
        f'{etl(settings, "--completion", "bash").stdout}\netl() {{ "{sys.executable}" -m wiring "$@"; }}\nexport -f etl\n'
        f'env() {{ local -x "${{@:1:3}}"; etl; }}\n'
        f"COMP_WORDS=({' '.join(words)}) COMP_CWORD={len(words) - 1}; _etl_completion etl; echo ${{COMPREPLY[*]}}"
    )
    done = subprocess.run(["bash", "-c", script], env=environment(settings), capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (offered.split(), "")


# --- Corregir lo apartado --------------------------------------------------------------------


def test_the_quarantine_is_harmless_in_a_spreadsheet_and_comes_back_as_it_was(
    settings: Settings, tmp_path: Path
) -> None:
    names = {1: "=cmd|' /C calc'!A0", 2: "+1+1", 3: "-2+3", 4: "@SUM(A1)", 5: "Ana", 6: "'=1"}
    rows = (cliente(number, nombre, fecha_alta="ayer") for number, nombre in names.items())
    load_one(settings, "clientes.csv", CLIENTES, *rows)
    output = tmp_path / "clientes_corregir.csv"
    assert etl(settings, "rejects", "clientes", "--csv", str(output)).returncode == 0
    text = output.read_text(encoding="utf-8-sig")
    cells = [line.split(",")[2] for line in text.splitlines()[1:]]
    assert cells == ["'=cmd|' /C calc'!A0", "'+1+1", "'-2+3", "'@SUM(A1)", "Ana", "''=1"]
    corrected = [line.replace(",ayer,", ",2024-01-15,", 1) for line in text.splitlines()]
    output.write_text("\n".join(corrected), encoding="utf-8-sig")
    assert etl(settings, "run", "--quiet", str(output)).returncode == 0
    assert dict(clientes(settings)) == names
