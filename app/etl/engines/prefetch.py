"""Hace el trozo siguiente mientras se carga el actual: un hilo, una cola corta y ningún secreto.

Arrow, SHA-256 y psycopg sueltan el GIL, así que leer y validar de verdad coinciden en el tiempo con
la carga.
"""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

# Un trozo cargándose, otro listo y otro haciéndose: más solo gastaría memoria.
DEPTH = 1


class _End:
    """Lo último de la cola: cómo acabó el productor."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(items: Iterable[T]) -> Generator[T]:
    """Da los mismos elementos, en el mismo orden, preparados en otro hilo.

    Un error del productor se lanza aquí. Al cerrar el generador, el hilo termina.
    """
    ready: queue.Queue[T | _End] = queue.Queue(DEPTH)
    stopped = threading.Event()

    def produce() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                ready.put(item)
                if stopped.is_set():
                    return
        except BaseException as caught:  # noqa: BLE001 - se lanza en el otro hilo
            error = caught
        ready.put(_End(error))

    thread = threading.Thread(target=produce, name="etl-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        while thread.is_alive():
            # Deja sitio en la cola: el productor puede estar esperándolo para terminar.
            try:
                ready.get(timeout=0.05)
            except queue.Empty:
                continue
        thread.join()
