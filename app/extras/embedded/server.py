"""Decide qué PostgreSQL se usa: el de `DB_HOST` o, sin él, uno propio en `.local/`."""

from dataclasses import replace

from etl.settings import Settings


def with_server(settings: Settings) -> Settings:
    """La misma configuración, con la dirección de un servidor en marcha."""
    if settings.db_host:
        return settings
    from extras.embedded import lifecycle as embedded  # el servidor propio es opcional: la imagen de Docker no lo lleva

    address = embedded.ensure_running(
        settings.local_dir, settings.pg_version, settings.db_user, settings.db_password, settings.db_name
    )
    return replace(
        settings,
        db_host=address.host,
        db_port=address.port,
        db_user=address.user,
        db_password=address.password,
        db_name=address.dbname,
        loader_password=address.loader_password,
        reader_password=address.reader_password,
    )
