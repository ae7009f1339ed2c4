"""Hace el trozo siguiente mientras se carga el actual: un hilo, una cola corta y ningún secreto.

Arrow, SHA-256 y psycopg sueltan el GIL, así que leer y validar de verdad coinciden en el tiempo con
la carga. En memoria hay dos trozos: el que se carga y el siguiente; otro más no acelera nada.
"""

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _End:
    """Lo último de la cola: cómo acabó el productor."""

    error: BaseException | None


def prefetch(items: Iterable[T]) -> Generator[T]:
    """Da los mismos elementos, en el mismo orden, preparados en otro hilo.

    Un error del productor se lanza aquí. Al cerrar el generador, el hilo termina.
    """
    ready: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
    # Hacer el siguiente espera a que se lleven el anterior.
    taken = threading.Semaphore(1)
    stopped = threading.Event()

    def produce() -> None:
        error: BaseException | None = None
        iterator = iter(items)
        try:
            while taken.acquire() and not stopped.is_set():
                ready.put(next(iterator))
        except StopIteration:
            pass
        except BaseException as caught:  # noqa: BLE001 - se lanza en el otro hilo
            error = caught
        ready.put(_End(error))

    thread = threading.Thread(target=produce, name="etl-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            taken.release()
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        taken.release()
        thread.join()
