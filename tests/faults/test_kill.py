"""Matar al cargador: en cualquier momento, la tabla queda como antes o como después, nunca a medias.

El momento no se mide en segundos, que dependen de lo ocupada que esté la máquina, sino en lo que el
cargador lleva dicho a PostgreSQL. Un intermediario (`proxy.py`) lo cuenta y lo mata antes de entregar
un mensaje o su respuesta: el cargador está ahí, a la espera, y ninguna muerte llega tarde.
"""

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from etl.settings import Settings
from loader import (
    KILLED,
    LOADED,
    Loader,
    Loading,
    Reader,
    big_sales,
    check_invariants,
    check_runs_again,
    content,
    forget,
    loader,
    prepare,
    statuses,
    wait_for_sessions_to_end,
)
from own_rows import load, query
from proxy import proxy
from support import connect_settings

pytestmark = pytest.mark.faults
MOMENTS = 15


@dataclass(frozen=True)
class Moment:
    """Cuándo: al llegar a tantos turnos, o a tantos bytes enviados, y antes de entregar qué."""

    count: int
    unit: Literal["turns", "sent"]
    before: Literal["request", "reply"]


@dataclass
class Attacker:
    """Cuenta lo que se dice en una carga y, en su momento, manda la señal al proceso que carga.

    `turns`: cuántas veces habló el cargador tras una respuesta; `sent`: cuántos bytes lleva dichos.
    """

    moment: Moment | None = None
    number: signal.Signals = signal.SIGKILL
    turns: int = 0
    sent: int = 0
    loading: Loading | None = None
    _started: threading.Event = field(default_factory=threading.Event)
    _answered: bool = True

    def request(self, data: bytes) -> None:
        self.turns += self._answered
        self.sent += len(data)
        self._answered = False
        self._attack("request")

    def reply(self) -> None:
        self._answered = True
        self._attack("reply")

    def _attack(self, side: str) -> None:
        moment = self.moment
        if moment and side == moment.before and getattr(self, moment.unit) >= moment.count:
            self.moment = None
            assert self._started.wait(30)
            assert self.loading is not None
            self.loading.send(self.number)

    def attacked(self, start: Callable[[], Loading], moment: Moment | None) -> int:
        """Lanza una carga, la ataca en ese momento y devuelve con qué código acabó."""
        self.moment, self.turns, self.sent, self._answered = moment, 0, 0, True
        self._started.clear()
        self.loading = start()
        self._started.set()
        return self.loading.exit_code()


@pytest.fixture
def attacker() -> Attacker:
    return Attacker()


@pytest.fixture
def loading(settings: Settings, attacker: Attacker) -> Iterator[Loader]:
    with proxy(settings, watcher=attacker) as (_, watched), loader(watched) as prepared:
        yield prepared


def moments(attacker: Attacker) -> list[Moment]:
    """Al azar, pero siempre los mismos, por toda la carga que se acaba de ver entera.

    La mitad por turnos: conectar, cada sentencia, el COMMIT, los marts, despedirse. La mitad por
    bytes: casi todos son filas camino de la tabla.
    """
    dice = random.Random(2026)
    # El último turno es la despedida: tras ella el proceso ya no espera a nadie.
    whole = {"turns": attacker.turns - 1, "sent": int(attacker.sent * 0.98)}
    found = []
    for step in range(MOMENTS):
        unit: Literal["turns", "sent"] = "turns" if step % 2 else "sent"
        share = (step + dice.random()) / MOMENTS
        found.append(Moment(max(1, int(share * whole[unit])), unit, dice.choice(["request", "reply"])))
    return found


@pytest.mark.parametrize("watched", [True, False])
def test_1_killed_at_any_moment_of_a_first_load(
    settings: Settings, loading: Loader, attacker: Attacker, watched: bool
) -> None:
    """Si nadie mira la tabla, se llena sin su clave."""
    prepare(settings)
    assert attacker.attacked(loading.start, None) == 0
    with Reader(settings) if watched else nullcontext() as reader:
        for moment in moments(attacker):
            forget(settings)
            assert attacker.attacked(loading.start, moment) == KILLED, moment
            check_invariants(settings)
            assert content(settings)[0] in (0, LOADED)
            assert statuses(settings) in ([], ["loaded"])
    assert reader is None or {count for count, *_ in reader.seen} <= {0, LOADED}
    check_runs_again(settings, loading)


def test_1_killed_at_any_moment_while_a_new_version_replaces_the_old_one(
    settings: Settings, loading: Loader, attacker: Attacker
) -> None:
    path = prepare(settings)
    assert loading.run() == 0
    write_version(path, "tienda", "nota0")
    assert attacker.attacked(loading.start, None) == 0
    now, other = "tienda", {"web": "tienda", "tienda": "web"}
    with Reader(settings) as reader:
        for number, moment in enumerate(moments(attacker), start=1):
            write_version(path, other[now], f"nota{number}")
            assert attacker.attacked(loading.start, moment) == KILLED, moment
            check_invariants(settings)
            # Si llegó a confirmarse, la de ahora es la nueva y la siguiente será la otra.
            now = query(settings, "SELECT min(canal) FROM datos.ventas")[0]
    assert reader.seen <= {(LOADED, "web", "web"), (LOADED, "tienda", "tienda")}
    check_runs_again(settings, loading)


def test_1_killed_at_any_moment_of_a_load_of_an_undeclared_file(
    settings: Settings, loading: Loader, attacker: Attacker
) -> None:
    """COPY queda abierto entre dos trozos, y la tabla es nueva."""
    rows = 60_000
    lines = (f"{number},{number % 90},{'x' * 80}\n" for number in range(rows))
    (settings.datos_dir / "medidas.csv").write_text("medida,valor,nota\n" + "".join(lines))
    assert attacker.attacked(loading.start, None) == 0
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'staging'::regnamespace AND relkind = 'r'"
    for moment in moments(attacker):
        with connect_settings(settings) as connection:
            connection.execute("DROP TABLE staging.medidas")
            connection.execute("DELETE FROM etl.loads")
            connection.execute("DELETE FROM etl.marts")  # que se hagan todos, como la primera vez
        assert attacker.attacked(loading.start, moment) == KILLED, moment
        wait_for_sessions_to_end(settings)
        there = query(settings, tables)
        assert there in ([], ["medidas"])
        assert query(settings, "SELECT rows_loaded FROM etl.loads") == [rows for _ in there]
        assert loading.run() == 0
        assert query(settings, "SELECT count(*) FROM staging.medidas") == [rows]
        assert query(settings, tables) == ["medidas"]


def write_version(path: Path, canal: str, title: str) -> None:
    """Las mismas ventas por otro canal. `title` nombra una columna que no se carga: cada versión es nueva."""
    path.write_text(big_sales(canal).replace("nota", title, 1))


@contextmanager
def asked_to_stop(attacker: Attacker) -> Iterator[None]:
    attacker.number = signal.SIGTERM
    yield
    attacker.number = signal.SIGKILL


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_2_asked_to_stop_it_stops_at_once_and_says_so_in_the_ledger(
    settings: Settings, loading: Loader, attacker: Attacker, share: float
) -> None:
    prepare(settings)
    assert attacker.attacked(loading.start, None) == 0
    forget(settings)
    moment = Moment(int(attacker.sent * share), "sent", "request")
    with Reader(settings) as reader, asked_to_stop(attacker):
        code = attacker.attacked(loading.start, moment)
        check_invariants(settings)
    assert {count for count, *_ in reader.seen} <= {0, LOADED}
    assert (code, statuses(settings)) == (143, ["failed"])
    check_runs_again(settings, loading)


@pytest.mark.parametrize("where", ["un archivo", "un mart"])
def test_a_ctrl_c_while_a_savepoint_is_opened_stops_the_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """psycopg lanza entonces otro error en su lugar, y parecería que PostgreSQL rechaza ese archivo o ese mart."""
    prepare(settings)
    enter, once = psycopg.Transaction.__enter__, iter([KeyboardInterrupt()])

    def interrupted(transaction: psycopg.Transaction) -> psycopg.Transaction:
        enter(transaction)
        if transaction.savepoint_name and transaction.force_rollback is (where == "un mart"):
            for interruption in once:
                raise interruption
        return transaction

    monkeypatch.setattr(psycopg.Transaction, "__enter__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(settings)
    monkeypatch.undo()
    check_invariants(settings)
    load(settings)
    assert content(settings)[0] == LOADED
