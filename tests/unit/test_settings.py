"""La configuración: el entorno manda sobre `.env`, y las contraseñas pueden venir en un archivo."""

import sys
from pathlib import Path

import pytest

from etl import settings as core
from etl.errors import UsageError
from etl.settings import ROOT, Settings
from extras.settings import load_settings

NO_FILE = Path("/no/hay/.env")


def test_with_an_empty_environment_everything_has_the_value_of_the_course() -> None:
    settings = load_settings({}, NO_FILE)
    assert settings == Settings()
    assert (settings.db_host, settings.db_port, settings.db_user) == (None, 5432, "alumno")
    assert (settings.db_name, settings.pg_version, settings.datos_dir) == (
        "curso_bigdata",
        16 if sys.version_info < (3, 15) else 18,
        ROOT / "datos",
    )


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("DB_HOST=del-archivo\nDB_NAME=del_archivo\n# comentario\nDB_PORT=6000\n")
    settings = load_settings({"DB_HOST": "del-entorno"}, env)
    assert (settings.db_host, settings.db_name, settings.db_port) == ("del-entorno", "del_archivo", 6000)


def test_an_empty_value_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    assert load_settings({"DB_HOST": "", "DB_PORT": ""}, NO_FILE) == Settings()


def test_a_password_in_a_file_wins_and_loses_its_final_newline(tmp_path: Path) -> None:
    secret = tmp_path / "secreto"
    secret.write_text("con espacio y ñ \n", encoding="utf-8")
    environ = {"DB_PASSWORD": "otra", "DB_PASSWORD_FILE": str(secret), "LECTOR_PASSWORD_FILE": str(secret)}
    settings = load_settings(environ, NO_FILE)
    assert settings.db_password == settings.reader_password == "con espacio y ñ "
    assert settings.loader_password == "cargador2026"


def test_a_secret_that_cannot_be_read_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"DB_PASSWORD_FILE \(«/no/existe»\)"):
        load_settings({"DB_PASSWORD_FILE": "/no/existe"}, NO_FILE)


def test_a_number_that_is_not_one_says_where_it_was_read() -> None:
    with pytest.raises(UsageError, match="DB_PORT vale «cinco» y se esperaba un número"):
        load_settings({"DB_PORT": "cinco"}, NO_FILE)


def test_a_wrong_number_is_shown_where_it_is_written(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("DB_HOST=x\n# DB_PORT=5432\nDB_PORT=1\nDB_PORT=cinco\n", encoding="utf-8")
    with pytest.raises(UsageError) as wrong:
        load_settings({}, env)
    assert wrong.value.hint == "Corríjalo en .env, línea 4: «DB_PORT=cinco»."
    with pytest.raises(UsageError) as wrong:
        load_settings({"DB_PORT": "seis"}, env)
    assert wrong.value.hint == "Corríjalo en el entorno."
    with pytest.raises(UsageError, match="DB_PORT vale «cinco»") as wrong:
        core.load_settings({}, env)
    assert wrong.value.hint == "Corríjalo en .env o en el entorno."


def test_a_password_is_not_shown_when_the_settings_are_printed() -> None:
    settings = load_settings({"DB_PASSWORD": "secretísima", "ETL_LOADER_PASSWORD": "secretísima"}, NO_FILE)
    assert "secretísima" not in repr(settings)


def test_the_migrations_and_marts_may_be_in_another_folder() -> None:
    assert load_settings({"SQL_DIR": "/otra/sql"}, NO_FILE).sql_dir == Path("/otra/sql")


@pytest.mark.parametrize("text", ["\n", "DB_PORT=7\n\n", "# nada\n\n", "DB_PORT=7\n  "])
def test_blank_lines_say_nothing(tmp_path: Path, text: str) -> None:
    env = tmp_path / ".env"
    env.write_text(text)
    assert load_settings({}, env).db_port == (7 if "7" in text else 5432)


def test_a_value_whose_quotes_are_not_closed_is_told_by_its_line_and_not_shown(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("DB_HOST=uno\n\nPOSTGRES_PASSWORD='mi clave\n")
    with pytest.raises(UsageError, match="POSTGRES_PASSWORD") as caught:
        load_settings({}, env)
    assert caught.value.hint == "Corríjalo en .env, línea 3."
    assert "mi clave" not in f"{caught.value}{caught.value.hint}"


def test_a_comment_that_is_not_utf8_does_not_matter_and_a_value_does(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_bytes("# contraseña\nDB_HOST=uno\n".encode("latin-1"))
    assert load_settings({}, env).db_host == "uno"
    env.write_bytes("DB_HOST=uno\nDB_PASSWORD=contraseña\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"DB_PASSWORD.*UTF-8") as caught:
        load_settings({}, env)
    assert caught.value.hint == "Corríjalo en .env, línea 2."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_notepad_writes_before_the_first_line_is_not_part_of_a_name(tmp_path: Path, encoding: str) -> None:
    env = tmp_path / ".env"
    env.write_text("DB_HOST=uno\n", encoding=encoding)
    assert load_settings({}, env).db_host == "uno"
