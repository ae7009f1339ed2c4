"""Medir una orden entera, desde fuera: segundos de reloj y memoria máxima del proceso."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """Una ejecución: segundos de reloj y el pico de memoria, en MB."""

    seconds: float
    peak_mb: float


def run(command: list[str], environment: dict[str, str]) -> Measure:
    """Ejecuta una orden hasta el final; lanza `CalledProcessError` si no sale con 0."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Measure(seconds, usage.ru_maxrss / 1024)


def in_turns(ours: Callable[[], Measure], peer: Callable[[], Measure], times: int) -> list[tuple[Measure, Measure]]:
    """Los dos por turnos (A B A B …): si la máquina va más lenta un rato, lo va para ambos."""
    return [(ours(), peer()) for _ in range(times)]


def median_ratio(pairs: list[tuple[Measure, Measure]]) -> float:
    """La mediana de los cocientes, pareja a pareja."""
    return statistics.median(ours.seconds / peer.seconds for ours, peer in pairs)


def median_seconds(measures: list[Measure]) -> float:
    return statistics.median(measure.seconds for measure in measures)
