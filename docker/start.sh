#!/bin/sh
# Lo primero que corre en el contenedor. Lo que no es un programa de la imagen es una orden de
# `etl`: así valen tanto `docker compose run --rm app_etl doctor` como `... app_etl bash`.
command -v -- "$1" >/dev/null 2>&1 || set -- etl "$@"
# Desde la raíz, datos/pedidos.csv y sql/alembic.ini se llaman igual que en la carpeta del proyecto.
case "$1" in etl | alembic) cd / ;; esac
exec "$@"
