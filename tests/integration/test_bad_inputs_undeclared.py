"""Las entradas malas de la lista, en archivos que nadie declaró: cada número, su prueba.

Las que son un archivo entero están en el corpus (`tests/corpus`), con la respuesta escrita a mano, y
`test_corpus.py` las carga todas; aquí se comprueba que ninguna falta. Las demás se prueban aquí.
"""

import os
import threading
from pathlib import Path

import pytest

from corpus.answers import cases
from etl.run import FileResult
from etl.settings import Settings
from own_rows import run_with
from support import connect_settings

pytestmark = pytest.mark.any_server

IN_CORPUS = {
    1: "utf8_bom",
    2: "latin1",
    3: "cp1252_euro",
    4: "utf16_le_bom utf16_be_bom",
    5: "mezcla_utf8_latin1",
    6: "mojibake",
    7: "nul",
    8: "utf8_cortado",
    9: "cero_bytes",
    10: "solo_cabecera",
    11: "sin_salto_final",
    12: "cr_solo mezcla_fin_linea mezcla_cr_lf",
    13: "sep_linea_excel",
    14: "ine_preambulo preambulo_con_separadores",
    15: "pie_total pie_total_huecos pie_texto",
    16: "dos_tablas",
    17: "cabecera_dos_filas cabecera_combinada cabecera_tres_filas",
    18: "sin_cabecera sin_cabecera_texto",
    19: "valor_de_mas",
    20: "valor_de_menos",
    21: "comilla_sin_cerrar",
    22: "comilla_suelta",
    23: "comillas_salto",
    24: "barra_invertida",
    25: "cabecera_repetida",
    27: "nombres_repetidos",
    28: "nombre_vacio",
    29: "nombres_casi_iguales",
    31: "nombres_hostiles",
    38: "listas_entrecomilladas",
    40: "formulas",
}
WHOLE_FILE = (
    "fila_con_espacios separador_final_filas cabecera_corta sep_coma_espacio cabecera_tres_filas"
    " cabecera_con_comilla_suelta cabecera_con_hueco_de_mas cabecera_otro_separador muchas_filas_malas"
)


def load_one(settings: Settings, name: str, content: str | bytes) -> FileResult:
    path = settings.datos_dir / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return run_with(settings, [], path).files[0]


def column(settings: Settings, table: str, name: str) -> tuple[str, list[object]]:
    """El tipo de una columna y sus valores, en el orden del archivo."""
    with connect_settings(settings) as connection:
        kind = connection.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attname = %s",
            (f"staging.{table}", name),
        ).fetchone()
        values = connection.execute(f"SELECT {name} FROM staging.{table} ORDER BY _line").fetchall()
    assert kind is not None
    return kind[0], [value for (value,) in values]


def test_the_corpus_has_a_file_for_every_whole_file_input() -> None:
    names = {case.name for case in cases()}
    wanted = {name for listed in [*IN_CORPUS.values(), WHOLE_FILE] for name in listed.split()}
    assert wanted <= names


def test_26_a_field_over_the_limit_sets_its_row_aside(settings: Settings) -> None:
    result = load_one(settings, "a.csv", f"id,texto\n1,hola\n2,{'x' * ((1 << 20) + 1)}\n3,adiós\n")
    assert (result.counts.loaded, result.counts.rejected) == (2, 1)


def test_30_names_that_collide_once_cut_are_told_apart(settings: Settings) -> None:
    result = load_one(settings, "a.csv", f"{'ñ' * 70}uno,{'ñ' * 70}dos\n1,2\n")
    assert (result.status, "Nombres repetidos" in result.warnings[0]) == ("loaded", True)
    assert [column(settings, "a", name)[1] for name in ("n" * 63, f"{'n' * 58}_2")] == [[1], [2]]


def test_32_spanish_numbers_that_leave_no_doubt_are_numbers(settings: Settings) -> None:
    load_one(settings, "a.csv", "id;importe\n1;1.234,56\n2;-0,50\n3;12\n")
    kind, values = column(settings, "a", "importe")
    assert (kind, [str(value) for value in values]) == ("numeric", ["1234.56", "-0.50", "12.00"])


@pytest.mark.parametrize(
    ("number", "values", "word"),
    [(33, "1.234 5.678 9.012", "decimal"), (35, "03/04/2024 05/06/2024 07/08/2024", "date_format")],
)
def test_what_can_be_read_two_ways_is_text_with_a_warning(
    settings: Settings, number: int, values: str, word: str
) -> None:
    texts = values.split()
    result = load_one(settings, "a.csv", "id;v\n" + "".join(f"{n};{text}\n" for n, text in enumerate(texts)))
    assert column(settings, "a", "v") == ("text", texts)
    assert len(result.warnings) == 1
    assert word in result.warnings[0]


def test_34_a_day_that_does_not_exist_is_set_aside(settings: Settings) -> None:
    result = load_one(settings, "a.csv", "id,f\n1,30/01/2024\n2,31/02/2024\n3,01/03/2024\n")
    assert (result.counts.loaded, result.counts.rejected) == (2, 1)
    assert column(settings, "a", "f")[0] == "date"


def test_36_two_digit_years_are_loaded_with_a_warning(settings: Settings) -> None:
    result = load_one(settings, "a.csv", "id,f\n1,31/12/69\n2,01/02/24\n")
    assert [str(value) for value in column(settings, "a", "f")[1]] == ["1969-12-31", "2024-02-01"]
    assert any("dos cifras" in warning for warning in result.warnings)


@pytest.mark.parametrize("word", ["N/D", "-", "..", "NULL", "NaN", "Infinity"])
def test_37_and_39_a_word_among_numbers_is_kept_as_text(settings: Settings, word: str) -> None:
    result = load_one(settings, "a.csv", f"id,v\n1,5\n2,{word}\n3,7\n4,9\n")
    assert column(settings, "a", "v") == ("text", ["5", word, "7", "9"])
    assert any(word in warning for warning in result.warnings)


def test_39_a_number_too_big_for_an_integer_is_kept_exactly(settings: Settings) -> None:
    load_one(settings, "a.csv", "id,v\n1,5\n2,99999999999999999999\n")
    assert [str(value) for value in column(settings, "a", "v")[1]] == ["5", "99999999999999999999"]


def test_41_without_a_declared_key_equal_rows_are_kept(settings: Settings) -> None:
    result = load_one(settings, "a.csv", "id,v\n1,5\n1,5\n")
    assert (result.counts.loaded, result.counts.duplicate) == (2, 0)


def test_44_a_fifo_is_refused_without_waiting_for_it(settings: Settings) -> None:
    os.mkfifo(settings.datos_dir / "tubo.csv")
    assert [file.status for file in run_with(settings, []).files] == ["refused"]


def test_46_a_file_that_grows_while_it_is_read_is_refused(settings: Settings) -> None:
    path = settings.datos_dir / "a.csv"
    path.write_text("id,v\n" + "".join(f"{n},5\n" for n in range(2_000_000)))
    growing = threading.Event()

    def grow(*_: object) -> None:
        if not growing.is_set():
            growing.set()
            with path.open("a") as file:
                file.write("9,9\n")

    result = run_with(settings, [], path, progress=grow).files[0]
    assert (result.status, "cambió" in (result.reason or "")) == ("refused", True)
    with connect_settings(settings) as connection:
        count = connection.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'staging'::regnamespace")
        assert count.fetchone() == (0,)


@pytest.mark.parametrize("name", ["a\nb.csv", "-- x.csv", "'; DROP TABLE loads; --.csv", "ñ€.csv", "%s.csv"])
def test_48_a_file_name_is_data(settings: Settings, name: str) -> None:
    result = load_one(settings, name, "id,v\n1,5\n")
    assert result.status == "loaded"
    assert load_one(settings, name, "id,v\n1,5\n").status == "skipped"


def test_a_run_killed_by_a_bad_row_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    """Una versión nueva que se rechaza no toca la tabla anterior."""
    load_one(settings, "a.csv", "id,v\n1,5\n")
    assert load_one(settings, "a.csv", "").status == "refused"
    assert column(settings, "a", "v")[1] == [5]
