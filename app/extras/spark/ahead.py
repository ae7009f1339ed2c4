"""Adelanta trabajo: mientras un archivo se mezcla, el clúster ya valida los que le siguen.

Un hilo recorre los archivos en su orden, los corta y manda sus partes al clúster por tandas, sin mirar de quién son:
muchos archivos pequeños son una sola tanda. Sale un `Job` por archivo, que da sus partes en orden.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Semaphore

from etl.extract.source import Source
from extras.spark.plan import Part
from extras.spark.stage import Staged, Work

# Partes por núcleo en cada tanda: pocas, para empezar pronto a mezclar; no una, porque no todas tardan lo mismo.
PARTS_PER_CORE = 2
# Tandas a la vez: cuando a una le quedan menos partes que núcleos, la siguiente usa los demás.
WAVES = 2
# Tandas que pueden esperar ya validadas: más solo ocuparían disco.
WAITING = 8


@dataclass
class Job:
    """Un archivo que se reparte: cada parte, con lo que dejará, y al final `None`.

    `wanted`: es el primero, el que se pidió; otro que ya esté cargado no se adelanta (`skip`).
    """

    source: Source
    wanted: bool
    skip: bool = False
    seen: tuple[int, ...] = ()  # cómo era el archivo al prepararlo
    work: Work | None = None
    split: bool = False
    parts: "SimpleQueue[tuple[Part, Future[Staged]] | None]" = field(default_factory=SimpleQueue)

    def fail(self, error: Exception) -> None:
        """Lo lanzará quien espere lo que deja el archivo."""
        failed: Future[Staged] = Future()
        failed.set_exception(error)
        self.parts.put((Part(self.source, 0, 0), failed))


# Una parte camino del clúster.
Item = tuple[Work, Part, "Future[Staged]"]
# Prepara el trabajo de un archivo: sus partes.
Prepare = Callable[[Job], Iterable[Part]]


class Series:
    """Unos archivos seguidos, que se preparan en otro hilo."""

    def __init__(self, sources: list[Source], cores: int, prepare: Prepare, run: Callable[[list[Item]], None]) -> None:
        size = cores * PARTS_PER_CORE
        self._sources = deque(sources)
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._stopped, self._room = Event(), Semaphore(WAITING * size)
        self._prepare, self._run = prepare, run
        self._waves = ThreadPoolExecutor(WAVES, "etl-waves")
        self._feeder = ThreadPoolExecutor(1, "etl-ahead")
        self._feeder.submit(self._feed, sources, size)

    def take(self, source: Source) -> Job | None:
        """El trabajo de un archivo; nada si no se adelantó."""
        while source in self._sources:
            job, _ = self._jobs.get(), self._sources.popleft()
            if job.source == source:
                return None if job.skip else job
            while job.parts.get() is not None:  # al final no hizo falta
                self._room.release()
        return None

    def results(self, job: Job) -> Iterator[tuple[Part, Staged]]:
        """Cada parte y lo que dejó, en orden."""
        while (coming := job.parts.get()) is not None:
            part, staged = coming
            yield part, staged.result()
            self._room.release()

    def stop(self, cancel: Callable[[], None]) -> None:
        """Lo que no haya empezado ya no empieza; cancela lo que sí, si aún hay quien, y lo espera."""
        self._stopped.set()
        with suppress(Exception):
            cancel()
        self._room.release(1 << 20)
        self._feeder.shutdown()
        self._waves.shutdown(cancel_futures=True)

    def _feed(self, sources: list[Source], size: int) -> None:
        wave: list[Item] = []
        for item in self._items(sources):
            if item:
                wave.append(item)
            if len(wave) == size or (wave and not item):
                self._send(wave)
                wave = []
            if self._stopped.is_set():
                return
        self._send(wave)

    def _send(self, wave: list[Item]) -> None:
        for _ in wave:
            self._room.acquire()
        if self._stopped.is_set() or not wave:
            return
        try:
            self._waves.submit(self._run_wave, wave)
        except RuntimeError as error:  # no hay ni para un hilo: que lo diga quien espera
            _fail(wave, error)

    def _items(self, sources: list[Source]) -> Iterator[Item | None]:
        """Las partes, en orden; nada, tras un archivo que ya está: la tanda empezada no espera a los demás."""
        for source in sources:
            job = Job(source, wanted=source == sources[0])
            try:
                parts = self._prepare(job)
                self._jobs.put(job)
                for part in parts:
                    staged: Future[Staged] = Future()
                    job.parts.put((part, staged))
                    assert job.work is not None
                    yield job.work, part, staged
            except Exception as error:  # noqa: BLE001 - se lanza al usarlo
                job.fail(error)
                if job.work is None:
                    self._jobs.put(job)
            job.parts.put(None)
            if job.skip:
                yield None
            if self._stopped.is_set():
                return

    def _run_wave(self, wave: list[Item]) -> None:
        try:
            self._run(wave)
        except Exception as error:  # noqa: BLE001 - ídem
            if len(wave) == 1 or self._stopped.is_set():
                _fail(wave, error)
                return
            for item in wave:  # que una parte mala no se lleve a las demás, que pueden ser de otros archivos
                self._run_wave([item])


def _fail(wave: list[Item], error: Exception) -> None:
    for *_, staged in wave:
        if not staged.done():
            staged.set_exception(error)
