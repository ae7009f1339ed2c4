"""Azar reproducible: la misma semilla da los mismos números en cualquier máquina y versión.

Solo se usan los bits crudos de PCG64, cuya secuencia NumPy no cambia, y aritmética entera:
ni las distribuciones de NumPy (cambian entre versiones) ni decimales (cambian entre procesadores).
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_32 = np.uint64(32)


class Dice:
    """Una secuencia de azar por clave: `Dice(semilla, archivo, bloque)` no depende de las demás."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def _fractions(self, size: int) -> npt.NDArray[np.uint64]:
        """Fracciones de 32 bits: el entero f representa f / 2^32, en [0, 1)."""
        return np.asarray(self._bits.random_raw(size), dtype=np.uint64) >> _32

    def below(self, limit: int, size: int) -> Ints:
        """Enteros en [0, limit), todos igual de probables; `limit` no pasa de 2^31."""
        return ((self._fractions(size) * np.uint64(limit)) >> _32).astype(np.int64)

    def skewed(self, limit: int, size: int) -> Ints:
        """Enteros en [0, limit), los bajos mucho más probables: pocos artículos venden casi todo.

        Es la parte entera de limit * u^2: el primer 1 % se lleva el 10 %; el primer 25 %, la mitad.
        """
        fractions = self._fractions(size)
        return ((((fractions * fractions) >> _32) * np.uint64(limit)) >> _32).astype(np.int64)

    def chance(self, percent: int, size: int) -> Bools:
        """Verdadero en ese porcentaje de los casos."""
        return self.below(100, size) < percent

    def shuffled(self, size: int) -> Ints:
        """Los enteros de 0 a size - 1 en orden aleatorio."""
        return np.argsort(self._bits.random_raw(size), kind="stable").astype(np.int64)
