"""Lo que ahorra `etl run` al arrancar: lo que Arrow y numpy preparan sin que nadie se lo pida."""

import os
import sys
from importlib.abc import MetaPathFinder
from typing import Any


class _NotInstalled(MetaPathFinder):
    """Contesta a quien busca pandas que no está instalado."""

    def find_spec(self, fullname: str, *_where: Any) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def light() -> None:
    """Importa Arrow y numpy sin pandas (0,2 s) ni los hilos de álgebra lineal (0,1 s de procesador).

    Arrow importa pandas en su primera conversión. Cuando de verdad hace falta (`to_pandas`), lo vuelve
    a buscar y lo encuentra; si este proceso ya usa pandas, no cambia nada.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    hidden = _NotInstalled()
    sys.meta_path.insert(0, hidden)
    try:
        import pyarrow as pa

        pa.array([0])
    finally:
        sys.meta_path.remove(hidden)
