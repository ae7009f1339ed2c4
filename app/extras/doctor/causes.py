"""Los fallos que todo el mundo encuentra alguna vez: cómo se reconocen, qué significan y qué hacer.

Ningún arreglo borra nada: quien lo lee lo copia, y un mensaje no prueba que lo borrado sobre.

Los usan los mensajes de error (`explain`) y `etl doctor`, que mira además el
resto de la máquina. Están explicados en docs/errores.md.
"""

from dataclasses import dataclass

from etl.database.connection import STRAY_VARIABLES
from etl.reader import program
from etl.settings import IN_IMAGE


@dataclass(frozen=True)
class Cause:
    """Una causa conocida. `signs` son trozos del mensaje que la delatan."""

    name: str
    signs: tuple[str, ...]
    meaning: str
    remedy: str

    @property
    def hint(self) -> str:
        return f"{self.meaning} {self.remedy}"


CAUSES = (
    Cause(
        "password",
        ("password authentication failed",),
        "La contraseña no es la que guarda la base de datos: PostgreSQL la graba al estrenar su volumen y "
        "después ya no mira .env.",
        "Ponga la de .env también dentro: docker compose exec postgres psql -U alumno -d curso_bigdata -c '\\password'",
    ),
    Cause(
        "name",
        ("could not translate host name", "Name or service not known", "failed to resolve host", "getaddrinfo"),
        "Ese nombre de servidor no existe aquí: los nombres de servicio solo valen dentro de su red de Docker.",
        "Dentro de un contenedor, DB_HOST=postgres; fuera, DB_HOST=localhost. Si ya es así: docker compose up -d postgres",
    ),
    Cause(
        "refused",
        ("Connection refused", "connection refused"),
        "En esa dirección no escucha nadie: el servidor está parado o arrancando, o la dirección es otra.",
        "Arránquelo y espere a que esté listo: docker compose up -d --wait postgres",
    ),
    Cause(
        "missing",
        ('FATAL:  role "', 'FATAL:  database "'),
        "Ese usuario o esa base de datos no existen en el servidor.",
        "Revise DB_USER y DB_NAME en .env; si los cambió, el volumen guarda los antiguos.",
    ),
    Cause(
        "connections",
        ("too many clients already", "remaining connection slots are reserved", "too many connections for"),
        "El servidor tiene ocupadas todas sus conexiones (max_connections).",
        "Cierre los programas que lo usan (pgAdmin, cuadernos, otras cargas) o espere a que acaben, y repita la orden.",
    ),
    Cause(
        "environment",
        STRAY_VARIABLES,
        "Hay en el entorno una variable de PostgreSQL (PGSSLMODE, PGSERVICE...) que no vale para este servidor.",
        "Vea cuáles hay, «env | grep ^PG», y quite la que sobra. Por ejemplo: unset PGSSLMODE",
    ),
    Cause(
        "version",
        ("database files are incompatible with server", "initialized by PostgreSQL version"),
        "El volumen lo creó otra versión de PostgreSQL, y una versión no abre los datos de otra.",
        "Vuelva a la anterior en .env (POSTGRES_IMAGE=postgres:16) o pase los datos: docs/produccion.md",
    ),
    Cause(
        "memory",
        ("OOMKilled", "Out of memory", "Cannot allocate memory", "MemoryError", "memoria suficiente", "sin memoria"),
        "Se quedó sin memoria y el sistema lo mató.",
        "Suba su límite en .env (APP_ETL_MEMORY=2g o POSTGRES_MEMORY=2g) y repita: docker compose up -d",
    ),
    Cause(
        "disk",
        ("No space left on device", "el disco está lleno", "disco de la base de datos está lleno"),
        "El disco está lleno.",
        "Haga sitio en él y repita la orden. Cuánto es de Docker lo dice: docker system df",
    ),
    Cause(
        "windows_line_ends",
        ("\\r': ", "^M", "$'\\r'", "illegal option -\r", "exec format error"),
        "Un guion tiene finales de línea de Windows y el intérprete no lo entiende.",
        "Quíteselos: sed -i 's/\\r$//' docker/*/*.sh",
    ),
    Cause(
        "port",
        ("port is already allocated", "address already in use", "ports are not available"),
        "El puerto de esta máquina ya lo usa otro programa.",
        "Cambie el número en .env (POSTGRES_PORT=5433, PGADMIN_PORT=8082...) y repita: docker compose up -d",
    ),
    Cause(
        "not_prepared",
        ("no está preparada", "InsufficientPrivilege", "UndefinedTable", 'role "etl_loader" does not exist'),
        "La base de datos no está al día con el código.",
        "Póngala al día: docker compose run --rm migrate",
    ),
    Cause(
        "permission",
        ("Permission denied", "Read-only file system", "No se puede escribir"),
        "No puede escribir donde quiere: la carpeta es de otro usuario o está montada de solo lectura.",
        "Si es datos/salida, ponga en .env de quién es: ETL_UID y ETL_GID (los de usted: id -u e id -g)",
    ),
    Cause(
        "missing_module",
        ("ModuleNotFoundError", "ImportError"),
        "A la imagen le falta un paquete que el código usa: se construyó antes de añadirlo.",
        "Constrúyala de nuevo: docker compose build",
    ),
    Cause(
        "code",
        ("SyntaxError", "IndentationError", "NameError", "Traceback (most recent call last)"),
        "El programa tiene un error.",
        "La última línea dice cuál: docker compose logs app_etl",
    ),
)


def find_cause(text: str) -> Cause | None:
    """La primera causa que encaja con un mensaje o con un registro."""
    return next((cause for cause in CAUSES if any(sign in text for sign in cause.signs)), None)


def explain(text: str) -> list[str]:
    """Lo que se sabe de un mensaje de error: qué hacer, y dónde mirar si no basta. Nada, si no se conoce."""
    cause = find_cause(text)
    if cause is None:
        return []
    # Fuera de la imagen, un paquete que falta es un fallo del programa, como cualquier otro.
    ours = cause.name == "code" or (cause.name == "missing_module" and not IN_IMAGE)
    return ["" if ours else cause.hint, f"Si no basta, «{program()} doctor» mira todo lo demás."]
