#!/bin/sh
# El código y los datos se montan con los permisos de su máquina: de otro usuario, no se pueden leer.
for folder in /app /sql /datos /spark; do
  if [ -d "$folder" ] && { [ ! -r "$folder" ] || [ ! -x "$folder" ]; }; then
    echo "Error: el usuario $(id -u) del contenedor no puede leer $folder, que es del $(stat -c %u "$folder")." >&2
    echo "  → Ponga ETL_UID=$(stat -c %u "$folder") y ETL_GID=$(stat -c %g "$folder") en .env y repita la orden." >&2
    exit 126
  fi
done
# Lo primero que corre en el contenedor. Lo que no es un programa de la imagen es una orden de
# `etl`: así valen tanto `docker compose run --rm app_etl doctor` como `... app_etl bash`.
command -v -- "$1" >/dev/null 2>&1 || set -- etl "$@"
# Desde la raíz, datos/pedidos.csv y sql/alembic.ini se llaman igual que en la carpeta del proyecto.
case "$1" in etl | alembic) cd / ;; esac
exec "$@"
