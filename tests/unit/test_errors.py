"""Un error de causa conocida la nombra, dice el arreglo y acaba señalando a `etl doctor`."""

import pytest

from wiring import main

DOCTOR = "etl doctor» mira todo lo demás."


def run(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    with pytest.raises(SystemExit) as exit_code:
        main(command.split())
    return int(exit_code.value.code or 0), capsys.readouterr().err.strip().splitlines()


@pytest.fixture
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_HOST", "127.0.0.1")
    monkeypatch.setenv("DB_PORT", "1")
    monkeypatch.setenv("DB_CONNECT_SECONDS", "0.1")


@pytest.mark.usefixtures("nobody_listens")
@pytest.mark.parametrize("command", ["run", "status", "rejects", "report", "migrate"])
def test_connection_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = run(command, capsys)
    assert code == 4
    assert "127.0.0.1:1/curso_bigdata" in lines[0]
    assert "Connection refused" in lines[0]
    assert "docker compose up -d --wait postgres" in lines[1]
    assert lines[-1].endswith(DOCTOR)


@pytest.mark.usefixtures("nobody_listens")
def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DB_HOST", "no-existe.invalid")
    code, lines = run("status", capsys)
    assert code == 4
    assert "Dentro de un contenedor, DB_HOST=postgres" in lines[1]
    assert lines[-1].endswith(DOCTOR)


def test_another_kind_of_mistake_does_not_send_anybody_to_the_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = run("inspect no_existe.csv", capsys)
    assert code == 2
    assert lines == ["Error: No existe «no_existe.csv».", "Compruebe la ruta."]
