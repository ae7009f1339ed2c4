#!/bin/sh
# Lo primero que corre en el contenedor. Lo que no es un programa de la imagen es una orden de
# `etl`: así valen tanto `docker compose run --rm app_etl doctor` como `... app_etl bash`.
command -v -- "$1" >/dev/null 2>&1 || set -- etl "$@"
# Desde la raíz, «datos/ventas.csv» es el mismo archivo que en la carpeta del proyecto.
[ "$1" != etl ] || cd /
exec "$@"
