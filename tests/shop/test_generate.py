"""Los datos de ejemplo: que sean siempre los mismos y que la cuenta de sus errores sea verdad.

La cuenta se comprueba con un lector aparte, escrito aquí, estricto y lento, que no usa nada del
pipeline ni del generador: si los dos coinciden, ninguna fila está mal por accidente.
"""

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from disk import remount, small_disk
from generate import sales
from generate.shop import NIF_LETTERS, nif, spanish_number
from generate.shop_files import FileCounts, generate
from generate.writing import TABLE_END, TABLE_START
from wiring import main

SAMPLE = Path(__file__).parents[2] / "datos"
GENERATOR = Path(__file__).parents[2] / "shop" / "generate"
MEGABYTE = 1_000_000

Counts = tuple[int, int, int, int]  # leídas, cargadas, duplicadas, rechazadas
Row = dict[str, str]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, FileCounts]]:
    """El ejemplo de siempre, recién generado: 50.000 ventas, semilla 2026."""
    folder = tmp_path_factory.mktemp("ejemplo")
    return folder, generate(folder)


# --- El lector estricto ------------------------------------------------------------------


def content(path: Path) -> bytes:
    """Los bytes del archivo, descomprimidos: zlib puede comprimir distinto en otra máquina."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def csv_rows(data: bytes, delimiter: str = ",", encoding: str = "utf-8", eol: bytes = b"\n") -> Iterator[Row | None]:
    """Cada línea no vacía tras la cabecera, o None si no se puede leer sin adivinar."""
    header, *lines = data.split(eol)
    columns = header.decode(encoding).split(delimiter)
    field = f'"(?:[^"]|"")*"|[^"{delimiter}]*'
    for line in filter(None, lines):
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            yield None
            continue
        well_formed = re.fullmatch(f"(?:{field})(?:{delimiter}(?:{field}))*", text)
        fields = [m[0][1:] for m in re.finditer(f"{delimiter}(?:{field})", delimiter + text)]
        if not well_formed or "\0" in text or len(fields) != len(columns):
            yield None
        else:
            yield dict(zip(columns, fields, strict=True))


def number(text: str, pattern: str = r"-?\d+(\.\d+)?") -> Decimal:
    if not re.fullmatch(pattern, text):
        raise ValueError(text)
    return Decimal(text.replace(".", "").replace(",", ".") if "," in text else text)


def spanish(text: str) -> Decimal:
    return number(text, r"-?\d{1,3}(\.\d{3})*,\d+")


def integer(text: str) -> int:
    return int(number(text, r"-?\d+"))


def good_customer(row: Row) -> bool:
    joined = date.fromisoformat(row["fecha_alta"])
    born = row["fecha_nacimiento"]
    return (
        1 <= integer(row["cliente_id"]) < 2**31
        and re.fullmatch("[0-9XYZ][0-9]{7}[A-Z]", row["nif"]) is not None
        and 0 < len(row["nombre"]) <= 80
        and (not row["email"] or "@" in row["email"])
        and 0 < len(row["provincia"]) <= 40
        and re.fullmatch("[0-9]{5}", row["codigo_postal"]) is not None
        and (not born or date.fromisoformat(born) < joined)
    )


def good_product(row: Row) -> bool:
    price, cost = spanish(row["precio"]), spanish(row["coste"])
    return (
        integer(row["producto_id"]) >= 1
        and row["categoria"] in {"Alimentación", "Bebidas", "Hogar", "Papelería", "Electrónica", "Ropa"}
        and 0 < price < 10**8
        and 0 <= cost <= price
        and (row["peso_kg"] == "N/D" or 0 < spanish(row["peso_kg"]) < 10**5)
        and row["activo"] in {"sí", "no"}
    )


def good_sale(row: Row, parents: dict[str, set[str]]) -> bool:
    day = datetime.strptime(row["fecha_venta"], "%d/%m/%Y")
    return (
        1 <= integer(row["venta_id"]) < 2**63
        and day.year == 2025
        and (not row["cliente_id"] or row["cliente_id"] in parents["clientes.csv"])
        and row["producto_id"] in parents["productos.csv"]
        and row["tienda_id"] in parents["tiendas.jsonl"]
        and 1 <= integer(row["cantidad"]) <= 1000
        and 0 < number(row["precio_unitario"]) < 10**8
        and 0 <= number(row["descuento_pct"]) <= 100
        and row["canal"] in {"tienda", "web", "telefono"}
    )


def json_rows(data: bytes) -> Iterator[Row | None]:
    def refuse(word: str) -> None:
        raise ValueError(word)

    for line in data.decode("utf-8").splitlines():
        try:
            store = json.loads(line, parse_constant=refuse)
            right = (
                type(store["tienda_id"]) is int
                and isinstance(store["nombre"], str)
                and isinstance(store["superficie_m2"], int | float)
                and store["superficie_m2"] > 0
                and -90 <= store["latitud"] <= 90
                and -180 <= store["longitud"] <= 180
            )
            date.fromisoformat(store["fecha_apertura"])
            yield {"tienda_id": str(store["tienda_id"])} if right else None
        except (ValueError, TypeError):
            yield None


def judge(rows: Iterator[Row | None], key: str, good: Callable[[Row], bool]) -> tuple[Counts, set[str]]:
    """Cuenta las filas de un archivo como debe contarlas el pipeline; da también sus claves."""
    keys: set[str] = set()
    read = duplicate = rejected = 0
    for row in rows:
        read += 1
        try:
            accepted = row is not None and good(row)
        except ValueError:
            accepted = False
        if row is None or not accepted:
            rejected += 1
        elif row[key] in keys:
            duplicate += 1
        else:
            keys.add(row[key])
    return (read, len(keys), duplicate, rejected), keys


def judge_folder(folder: Path) -> dict[str, Counts]:
    """Lo que un lector estricto encuentra en cada archivo de la carpeta."""
    latin = {"delimiter": ";", "encoding": "latin-1", "eol": b"\r\n"}
    counts, parents = {}, {}
    for name, rows, key, good in (
        ("clientes.csv", csv_rows(content(folder / "clientes.csv")), "cliente_id", good_customer),
        (
            "productos.csv",
            csv_rows(content(folder / "productos.csv"), **latin),  # type: ignore[arg-type]
            "producto_id",
            good_product,
        ),
        ("tiendas.jsonl", json_rows(content(folder / "tiendas.jsonl")), "tienda_id", bool),
    ):
        counts[name], parents[name] = judge(rows, key, good)
    for path in sorted(folder.glob("ventas*")):
        rows = csv_rows(content(path))
        counts[path.name], _ = judge(rows, "venta_id", lambda row: good_sale(row, parents))
    return counts


def expected(files: dict[str, FileCounts]) -> dict[str, Counts]:
    return {name: (c.rows_read, c.rows_loaded, c.rows_duplicate, c.rows_rejected) for name, c in files.items()}


def good_rows(folder: Path, name: str) -> Iterator[Row]:
    return (row for row in csv_rows(content(folder / name)) if row)


# --- La cuenta de errores ----------------------------------------------------------------


def test_a_strict_reader_finds_exactly_the_planted_errors(sample):
    folder, files = sample
    assert judge_folder(folder) == expected(files)


def test_the_count_holds_across_chunks_and_with_many_errors(tmp_path, monkeypatch):
    monkeypatch.setattr(sales, "CHUNK_ROWS", 97)
    files = generate(tmp_path, 6_000, seed=7, error_rate=0.2)
    assert judge_folder(tmp_path) == expected(files)


def test_errors_are_about_one_percent_of_the_sales_and_of_every_kind(sample):
    _, files = sample
    rows = sum(c.rows_read for name, c in files.items() if name.startswith("ventas"))
    planted = sum(c.errors.total() for name, c in files.items() if name.startswith("ventas"))
    assert 0.009 < planted / rows < 0.012
    kinds = {
        "clientes.csv": 23, "productos.csv": 21, "tiendas.jsonl": 12, "ventas_2025-12.csv.gz": 36
    }  # fmt: skip
    assert {name: len(files[name].errors) for name in kinds} == kinds


def test_without_errors_every_row_loads(tmp_path):
    files = generate(tmp_path, 3_000, error_rate=0)
    assert all(c.rows_loaded == c.rows_read for c in files.values())
    assert judge_folder(tmp_path) == expected(files)


@pytest.mark.parametrize("rows", [0, 1, 12, 500])
def test_small_shops_have_the_sales_that_were_asked_for(tmp_path, rows):
    files = generate(tmp_path, rows, error_rate=0)
    assert sum(c.rows_loaded for name, c in files.items() if name.startswith("ventas")) == rows


# --- Siempre lo mismo --------------------------------------------------------------------


def test_the_files_in_datos_are_those_of_the_default_seed(sample):
    folder, files = sample
    for name in files:
        assert content(SAMPLE / name) == content(folder / name), name
    assert sum((SAMPLE / name).stat().st_size for name in files) < 5 * MEGABYTE


def test_the_readme_of_datos_lists_the_errors_of_its_files(sample):
    folder, _ = sample

    def block(path: Path) -> str:
        return path.read_text(encoding="utf-8").partition(TABLE_START)[2].partition(TABLE_END)[0]

    assert block(SAMPLE / "README.md") == block(folder / "README.md") != ""


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(tmp_path / name, 2_000, seed)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    for name in ("clientes.csv", "ventas_2025-01.csv"):
        assert content(tmp_path / "a" / name) != content(tmp_path / "c" / name)


# --- Una tienda creíble ------------------------------------------------------------------


@pytest.mark.parametrize(("digits", "letter"), [("12345678", "Z"), ("00000000", "T")])
def test_the_letter_of_a_nif_follows_the_official_table(digits, letter):
    assert NIF_LETTERS[int(digits) % 23] == letter


def test_customers_have_valid_unique_nifs_and_postcodes_of_their_province(tmp_path):
    generate(tmp_path, 20_000, error_rate=0)
    customers = list(good_rows(tmp_path, "clientes.csv"))
    assert len({row["nif"] for row in customers}) == len(customers)
    prefixes = {"Madrid": "28", "Barcelona": "08", "Álava": "01", "Melilla": "52", "Gipuzkoa": "20"}
    for row in customers:
        body, letter = row["nif"][:-1].replace("Z", "2"), row["nif"][-1]
        assert "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == letter
        assert row["codigo_postal"].startswith(prefixes.get(row["provincia"], ""))
    assert {"Madrid", "Barcelona"} < {row["provincia"] for row in customers}


def test_one_in_twenty_customers_is_a_foreigner_with_nie():
    assert [number for number in range(1, 61) if nif(number).startswith("Z")] == [20, 40, 60]


def test_sales_use_the_price_of_the_product_and_come_after_the_customer_joined(tmp_path):
    generate(tmp_path, 5_000, error_rate=0)
    products = csv_rows(content(tmp_path / "productos.csv"), ";", "latin-1", b"\r\n")
    price = {row["producto_id"]: spanish(row["precio"]) for row in products if row}
    joined = {row["cliente_id"]: row["fecha_alta"] for row in good_rows(tmp_path, "clientes.csv")}
    for month in ("01", "12"):
        suffix = ".csv.gz" if month == "12" else ".csv"
        for row in good_rows(tmp_path, f"ventas_2025-{month}{suffix}"):
            day = "-".join(reversed(row["fecha_venta"].split("/")))
            assert joined.get(row["cliente_id"], "") <= day
            now = price[row["producto_id"]]
            before = int(now * 97) / Decimal(100)  # hasta el 1 de julio, un 3 % menos
            assert Decimal(row["precio_unitario"]) == (now if month == "12" else before)


def test_saturday_sells_more_than_tuesday_and_sunday_least(sample):
    folder, _ = sample
    sold = [0] * 7
    for row in good_rows(folder, "ventas_2025-05.csv"):
        if re.fullmatch(r"\d\d/05/2025", row["fecha_venta"]):
            sold[datetime.strptime(row["fecha_venta"], "%d/%m/%Y").weekday()] += 1
    assert sold[5] > sold[1] > sold[6]


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [(0, 2, "0,00"), (5, 2, "0,05"), (129_900, 2, "1.299,00"), (68_000, 3, "68,000"),
     (123_456_789, 2, "1.234.567,89")],
)  # fmt: skip
def test_numbers_are_written_as_a_spanish_excel_does(units, decimals, text):
    assert spanish_number(units, decimals) == text


# --- En el disco -------------------------------------------------------------------------


def test_productos_is_latin1_with_windows_line_ends(sample):
    data = (sample[0] / "productos.csv").read_bytes()
    assert "Piñones".encode("latin-1") in data
    assert data.count(b"\n") == data.count(b"\r\n")


def test_an_interrupted_generation_leaves_no_half_written_file(tmp_path):
    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, 1_000, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_adds_up_to_the_rows_written(tmp_path):
    seen: list[int] = []
    files = generate(tmp_path, 1_000, error_rate=0, progress=seen.append)
    assert sum(seen) == sum(c.rows_read for c in files.values())


def test_a_readme_of_somebody_else_is_left_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# Mis apuntes\n", encoding="utf-8")
    generate(tmp_path, 100)
    assert readme.read_text(encoding="utf-8") == "# Mis apuntes\n"


# --- La orden ------------------------------------------------------------------------------


def test_it_leans_only_on_what_writes_a_file_and_on_the_core():
    for path in GENERATOR.glob("*.py"):
        used = set(re.findall(r"^ *from ((?:etl|extras|declared|wiring)[.\w]*)", path.read_text("utf-8"), re.M))
        assert {name for name in used if not name.startswith("etl.")} <= {"extras.output"}, path


def test_the_command_works_from_any_folder(tmp_path):
    etl = [sys.executable, "-m", "wiring", "generate", "--rows", "100", "--output", str(tmp_path / "otra")]
    environ = os.environ | {"PYTHONPATH": str(GENERATOR.parents[1] / "app")}
    done = subprocess.run(etl, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("453 filas en 15 archivos de ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("generate --rows x", "El valor de «--rows» no vale: se leyó «x» y se esperaba un número entero."),
        ("generate --rows 0", "El valor de «--rows» no vale: se leyó «0» y se esperaba 1 o más"),
    ],
)
def test_a_number_of_rows_that_is_not_one_is_explained(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_code:
        main(arguments.split())
    assert exit_code.value.code == 2
    assert capsys.readouterr().err.startswith(f"Error: {message}")


@pytest.mark.faults
@pytest.mark.parametrize(("trouble", "reason"), [("size=16k", "el disco está lleno"), ("ro", "ahí solo se puede leer")])
def test_10_a_folder_where_it_cannot_be_written_is_one_clear_error(
    tmp_path: Path, trouble: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disco", 1 << 20) as disk:
        remount(disk, trouble)
        with pytest.raises(SystemExit) as exit_code:
            main(["generate", "--rows", "20000", "--output", str(disk)])
        assert list(disk.glob(".*")) == []  # quedan los que ya estaban enteros, y ninguno a medias
    assert exit_code.value.code == 2
    first, hint = capsys.readouterr().err.splitlines()[:2]
    assert first.startswith("Error: No se puede escribir «")
    assert first.endswith(f"»: {reason}.")
    assert hint
