"""Las contraseñas del servidor propio, que salen todas de un secreto al azar.

El secreto se inventa la primera vez y queda en `.local/`, donde solo lo lee quien lo creó: en la misma máquina
puede haber otras personas, y el servidor escucha en un puerto al que llegan todas.
"""

import hmac
import os
import secrets
from pathlib import Path

# 32 cifras hexadecimales son 128 bits: no se adivinan.
LENGTH = 32


def read_or_create(path: Path) -> str:
    """El secreto que hay en `path`; si no lo hay, uno nuevo, solo para esta cuenta."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(file, "w", encoding="ascii") as new:
        secret = secrets.token_hex()
        new.write(secret)
    return secret


def password(secret: str, role: str) -> str:
    """La contraseña de un usuario de la base de datos; siempre la misma con el mismo secreto."""
    return hmac.new(secret.encode(), role.encode(), "sha256").hexdigest()[:LENGTH]
