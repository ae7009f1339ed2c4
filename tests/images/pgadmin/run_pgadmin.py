"""Lo que gunicorn importa: la aplicación de pgAdmin, en modo servidor salvo que se pida otra cosa."""

import builtins

builtins.SERVER_MODE = True

from pgAdmin4 import app  # noqa: E402, F401
