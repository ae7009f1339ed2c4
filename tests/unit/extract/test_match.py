"""La cabecera del archivo y las columnas declaradas: se emparejan por nombre o se dice qué falta."""

import pyarrow as pa
import pytest

from etl.errors import FileRefused
from etl.extract.match import clean, match_columns, plain_name
from etl.schema import Column, Schema

SCHEMA = Schema((Column("codigo", pa.int32(), nullable=False), Column("email", pa.string())))


def test_names_match_without_case_accents_or_spaces_around() -> None:
    assert match_columns([" E-mail", "Código ", "EMAIL"], SCHEMA, True) == (
        {"codigo": 1, "email": 2},
        ["columna « E-mail» no declarada: no se carga"],
    )


def test_an_optional_column_may_be_missing() -> None:
    assert match_columns(["codigo"], SCHEMA, True) == ({"codigo": 0}, ["falta la columna «email»: queda sin valor"])


def test_names_that_nobody_declared_may_be_blank_or_repeated() -> None:
    columns, warnings = match_columns(["", "codigo", "otra", "otra"], SCHEMA, True)
    assert columns == {"codigo": 1}
    assert warnings == [
        "falta la columna «email»: queda sin valor",
        "columna «1» no declarada: no se carga",
        "columna «otra» no declarada: no se carga",
        "columna «otra» no declarada: no se carga",
    ]


def test_our_own_columns_are_passed_over_in_silence() -> None:
    assert match_columns(["codigo", "email", "_motivo"], SCHEMA, True) == ({"codigo": 0, "email": 1}, [])


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (["email", "otra"], "Faltan columnas obligatorias: codigo. La cabecera tiene: email, otra."),
        (["codigo", "email", "Email"], "La cabecera repite la columna «email»."),
        (["codigo", "CÓDIGO", "email"], "La cabecera repite la columna «codigo»."),
    ],
)
def test_a_header_that_cannot_be_matched_is_refused(header: list[str], reason: str) -> None:
    with pytest.raises(FileRefused) as refused:
        match_columns(header, SCHEMA, True)
    assert refused.value.message == reason


def test_without_header_columns_go_by_position_and_must_be_all() -> None:
    assert match_columns(["1", "2"], SCHEMA, False) == ({"codigo": 0, "email": 1}, [])
    with pytest.raises(FileRefused, match="tiene 3 columnas y se declararon 2"):
        match_columns(["1", "2", "3"], SCHEMA, False)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Año", "anio"),
        ("AN\u0303O", "anio"),
        ("Años_cumplidos", "anios_cumplidos"),
        ("Fin de año (2024)", "fin_de_anio_2024"),
        ("Tamaño", "tamano"),
        ("Daños", "danos"),
        ("Precio unitario (€) º", "precio_unitario_eur"),
        ("STRAßE Ñandú Ø", "strasse_nandu_o"),
    ],
)
def test_a_clean_name_is_another_word_only_where_it_must(header: str, name: str) -> None:
    assert clean(header) == name


def test_a_year_is_found_under_either_name() -> None:
    for declared in ("ano", "anio"):
        schema = Schema((Column(declared, pa.int32()),))
        assert match_columns(["Año"], schema, True) == ({declared: 0}, [])


def test_a_plain_name_keeps_letters_and_marks_of_its_own() -> None:
    assert plain_name(" Año_Ñandú ") == "ano_nandu"
