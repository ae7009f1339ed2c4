"""Los errores que una persona puede entender y arreglar, y el código de salida de cada uno.

    EtlError                    1  algo nuestro falló
    ├── UsageError              2  la orden o la declaración están mal escritas
    ├── FileRefused             3  un archivo no se puede cargar; dice por qué
    ├── FileFailed              3  la carga de un archivo se interrumpió; no queda nada a medias
    ├── DatabaseUnavailable     4  no se llega a la base de datos, o no se puede usar
    ├── ClusterUnavailable      5  se pidió un clúster de Spark y no se puede usar
    └── Corrected                  el archivo no trae datos nuevos: corrige los que hay

Las filas malas no son errores: son rechazos (`chunk.Reject`) y la carga sigue.
"""

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class EtlError(Exception):
    """Un problema con su siguiente paso. `hint` es la orden o el cambio que lo arregla."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageError(EtlError):
    """La orden, la configuración o una declaración no tienen sentido."""

    exit_code = 2


class FileRefused(EtlError):
    """El archivo no se puede leer con garantías; no se carga nada de él."""

    exit_code = 3


class FileFailed(EtlError):
    """La carga del archivo se interrumpió; la transacción se deshizo entera."""

    exit_code = 3


class Corrected(EtlError):
    """El archivo es una cuarentena corregida: sus filas van a las cargas de que salieron (`Parts.correct`)."""


class DatabaseUnavailable(EtlError):
    """PostgreSQL no responde, rechaza la conexión o no está preparado."""

    exit_code = 4


class ClusterUnavailable(EtlError):
    """Spark no arranca, el maestro no responde o no dio ningún ejecutor."""

    exit_code = 5


@contextmanager
def blamed(what: str, folder: Path, file: Path | None = None, made: type | None = None) -> Iterator[None]:
    """Lo que falla al ejecutar un archivo de `folder` es de quien lo escribió: `UsageError`, con archivo y línea.

    `file` y la línea en que empieza la clase `made`: lo que se dice si en el fallo no hay nada de esa carpeta.
    """
    try:
        yield
    except EtlError:
        raise
    except Exception as error:
        import tomllib  # solo hace falta si algo está mal

        where, line = file, None
        with suppress(OSError):  # una clase puede no estar escrita como tal, sino hecha con type()
            line = inspect.getsourcelines(made)[1] if made else None
        for step in traceback.extract_tb(error.__traceback__):
            if Path(step.filename).parent == folder:
                where, line = Path(step.filename), step.lineno
        if isinstance(error, SyntaxError):
            where, line = Path(error.filename or where or ""), error.lineno
        cause = str(getattr(error, "orig", error)).strip()  # de SQLAlchemy, solo lo que dijo PostgreSQL
        known = tomllib.loads(Path(__file__).with_name("mistakes.toml").read_text(encoding="utf-8"))
        hint = next((cure for sign, cure in known.items() if sign in cause), "Corríjalo y repita la orden.")
        raise UsageError(
            f"{what}{f' «{where}»' if where else ''} está mal{f', línea {line}' if line else ''}:"
            f" {type(error).__name__}: {cause}",
            hint,
        ) from error


def unexpected(error: Exception) -> FileFailed:
    """Un fallo que nadie previó, mientras se leía o se cargaba un archivo: ese archivo acaba ahí."""
    where, step = "", error.__traceback__
    while step is not None:  # el último paso es donde falló
        where, step = f" ({step.tb_frame.f_globals.get('__name__')}, línea {step.tb_lineno})", step.tb_next
    return FileFailed(
        f"No se pudo con él: {type(error).__name__}: {error}{where}.",
        "Es un fallo nuestro: no quedó nada de este archivo. Ábralo y guárdelo de nuevo, o quítelo.",
    )
