"""Decide qué PostgreSQL se usa: el de `DB_HOST` o, sin él, uno propio en `.local/`."""

from etl.settings import Settings


def with_server(settings: Settings) -> Settings:
    """La misma configuración, con la dirección de un servidor en marcha."""
    if settings.db_host:
        return settings
    from extras.embedded.lifecycle import ensure_running  # es opcional: la imagen de Docker no lo lleva

    return ensure_running(settings)
