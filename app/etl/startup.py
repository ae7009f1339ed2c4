"""Lo que ahorra `etl run` al arrancar: los 0,2 s de importar pandas, que pocas cargas usan."""

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class _NotInstalled(MetaPathFinder):
    """Contesta a quien busca pandas que no está instalado."""

    def find_spec(self, fullname: str, *_where: Any) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def without_pandas() -> None:
    """Deja a Arrow sin pandas: lo importa en su primera conversión, aunque nadie se lo pida.

    Cuando de verdad hace falta (`to_pandas`), Arrow lo vuelve a buscar y lo encuentra. Si este
    proceso ya usa pandas, no cambia nada.
    """
    hidden = _NotInstalled()
    sys.meta_path.insert(0, hidden)
    try:
        import pyarrow as pa

        pa.array([0])
    finally:
        sys.meta_path.remove(hidden)
