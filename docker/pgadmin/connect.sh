#!/bin/sh
# Deja a pgAdmin ya conectado: escribe su lista de servidores y su archivo de contraseñas con
# las variables DB_* del servicio, lo pone en español y sigue con el arranque de la imagen.
#
# Se generan en cada arranque, en memoria (tmpfs), porque tienen que seguir a .env: pgAdmin no
# sabe importar contraseñas y solo lee estos archivos la primera vez que arranca.
set -eu
umask 077

if [ -n "${DB_PASSWORD_FILE:-}" ]; then DB_PASSWORD=$(cat "$DB_PASSWORD_FILE"); fi

# En JSON se protegen \ y "; en pgpass, \ y los dos puntos, que separan los campos.
json() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
pgpass() { printf '%s' "$1" | sed 's/[\\:]/\\&/g'; }

cat > "$PGADMIN_SERVER_JSON_FILE" <<EOF
{
  "Servers": {
    "1": {
      "Name": "$(json "$DB_NAME") ($(json "$DB_USER"))",
      "Group": "Servers",
      "Host": "$(json "$DB_HOST")",
      "Port": $DB_PORT,
      "Username": "$(json "$DB_USER")",
      "MaintenanceDB": "$(json "$DB_NAME")",
      "ConnectionParameters": {
        "sslmode": "prefer",
        "connect_timeout": 10,
        "passfile": "/var/lib/pgadmin/.pgpass"
      }
    }
  }
}
EOF
printf '%s:%s:*:%s:%s\n' "$DB_HOST" "$DB_PORT" "$(pgpass "$DB_USER")" "$(pgpass "$DB_PASSWORD")" > "$PGPASS_FILE"

printf '{"preferences": {"misc:user_interface:user_language": "%s"}}\n' "$LANGUAGE" > "$PGADMIN_PREFERENCES_JSON_FILE"

# Lo que sigue no necesita saberla.
unset DB_PASSWORD LANGUAGE
exec /entrypoint.sh
