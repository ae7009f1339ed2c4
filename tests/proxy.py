"""Un intermediario de TCP que estropea la red a propósito: corta, calla o pierde respuestas.

Está entre el cargador y PostgreSQL. Cada conexión pasa por un `Mischief`, que mira lo que va hacia
el servidor y decide qué se estropea.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from etl.settings import Settings

# Qué hacer tras ver un trozo hacia el servidor (los bytes que van, el trozo): seguir, cortar,
# callarse sin cortar, o entregarlo y cortar sin dejar volver la respuesta.
Verdict = Literal["go", "cut", "stall", "deliver_and_cut"]
Mischief = Callable[[int, bytes], Verdict]


class Watcher(Protocol):
    """Quien mira la conversación: cada trozo, justo antes de entregarlo."""

    def request(self, data: bytes) -> None: ...

    def reply(self) -> None: ...


class Nobody:
    """No mira nadie."""

    def request(self, data: bytes) -> None:
        pass

    def reply(self) -> None:
        pass


def nothing(_sent: int, _data: bytes) -> Verdict:
    return "go"


def cut_after(limit: int) -> Mischief:
    """Corta la conexión al pasar de `limit` bytes hacia el servidor."""
    return lambda sent, _data: "cut" if sent > limit else "go"


def cut_at(command: bytes) -> Mischief:
    """Corta la conexión cuando va a pasar la orden, que no llega al servidor."""
    return lambda _sent, data: "cut" if command in data else "go"


def stall_after(limit: int) -> Mischief:
    """Deja de pasar nada, sin cortar, al pasar de `limit` bytes."""
    return lambda sent, _data: "stall" if sent > limit else "go"


def lose_the_reply_to(command: bytes) -> Mischief:
    """Entrega la orden, pero su respuesta no vuelve nunca."""
    return lambda _sent, data: "deliver_and_cut" if command in data else "go"


@dataclass
class Proxy:
    """Dónde escucha, cuántas conexiones han entrado y qué le espera a cada una.

    `script`: una travesura por conexión, en orden; las siguientes pasan sin más.
    """

    settings: Settings
    script: list[Mischief]
    watcher: Watcher = field(default_factory=Nobody)
    connections: int = 0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            mischief = self.script[self.connections] if self.connections < len(self.script) else nothing
            self.connections += 1
            server = socket.create_connection((self.settings.db_host, self.settings.db_port))
            self.sockets += [client, server]
            lost = threading.Event()
            both = (client, server, lost, self.watcher)
            replying = threading.Thread(target=reply, args=both, daemon=True)
            replying.start()
            threading.Thread(target=forward, args=(*both, replying, mischief), daemon=True).start()


def forward(
    client: socket.socket,
    server: socket.socket,
    lost: threading.Event,
    watcher: Watcher,
    replying: threading.Thread,
    mischief: Mischief,
) -> None:
    """Del cargador al servidor."""
    sent = 0
    with suppress(OSError):
        while data := client.recv(65_536):
            sent += len(data)
            watcher.request(data)
            verdict = mischief(sent, data)
            if verdict == "stall":
                lost.set()
                return
            if verdict == "deliver_and_cut":
                lost.set()
                replying.join()  # que la respuesta no la lea y la devuelva el otro hilo
                server.sendall(data)
                server.recv(65_536)  # el servidor ya contestó: la orden está hecha
            if verdict in ("cut", "deliver_and_cut"):
                break
            server.sendall(data)
    close(client, server)


def reply(client: socket.socket, server: socket.socket, lost: threading.Event, watcher: Watcher) -> None:
    """Del servidor al cargador, mientras no toque perderlo."""
    with suppress(OSError):
        server.settimeout(0.05)
        while not lost.is_set():
            try:
                data = server.recv(65_536)
            except TimeoutError:
                continue
            if not data:
                close(client, server)
                return
            watcher.reply()
            client.sendall(data)
        server.settimeout(10)


def close(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextmanager
def proxy(settings: Settings, *script: Mischief, watcher: Watcher | None = None) -> Iterator[tuple[Proxy, Settings]]:
    """El intermediario en marcha y la configuración que pasa por él."""
    between = Proxy(settings, list(script), watcher or Nobody())
    threading.Thread(target=between.serve, daemon=True).start()
    try:
        yield between, replace(settings, db_host="127.0.0.1", db_port=between.port)
    finally:
        close(between.listener, *between.sockets)
