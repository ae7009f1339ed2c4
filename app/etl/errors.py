"""Los errores que una persona puede entender y arreglar, y el código de salida de cada uno.

    EtlError                    1  algo nuestro falló
    ├── UsageError              2  la orden o la declaración están mal escritas
    ├── FileRefused             3  un archivo no se puede cargar; dice por qué
    ├── FileFailed              3  la carga de un archivo se interrumpió; no queda nada a medias
    ├── DatabaseUnavailable     4  no se llega a la base de datos, o no se puede usar
    └── ClusterUnavailable      5  se pidió un clúster de Spark y no se puede usar

Las filas malas no son errores: son rechazos (`transform.Rejects`) y la carga sigue.
"""


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


class DatabaseUnavailable(EtlError):
    """PostgreSQL no responde, rechaza la conexión o no está preparado."""

    exit_code = 4


class ClusterUnavailable(EtlError):
    """Spark no arranca, el maestro no responde o no dio ningún ejecutor."""

    exit_code = 5


def unexpected(error: Exception) -> FileFailed:
    """Un fallo que nadie previó, mientras se leía o se cargaba un archivo: ese archivo acaba ahí."""
    where, step = "", error.__traceback__
    while step is not None:  # el último paso es donde falló
        where, step = f" ({step.tb_frame.f_globals.get('__name__')}, línea {step.tb_lineno})", step.tb_next
    return FileFailed(
        f"No se pudo con él: {type(error).__name__}: {error}{where}.",
        "Es un fallo nuestro: no quedó nada de este archivo. Ábralo y guárdelo de nuevo, o quítelo.",
    )
