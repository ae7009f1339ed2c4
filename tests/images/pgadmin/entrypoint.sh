#!/usr/bin/env bash
# Arranque del pgAdmin de pruebas, con las variables que documenta la imagen oficial y que
# este proyecto usa: PGADMIN_DEFAULT_EMAIL, PGADMIN_DEFAULT_PASSWORD(_FILE), PGADMIN_CONFIG_*,
# PGADMIN_CUSTOM_CONFIG_DISTRO_FILE, PGADMIN_SERVER_JSON_FILE, PGADMIN_REPLACE_SERVERS_ON_STARTUP,
# PGADMIN_PREFERENCES_JSON_FILE, PGPASS_FILE, PGADMIN_LISTEN_ADDRESS y PGADMIN_LISTEN_PORT. No lleva correo (postfix).
set -euo pipefail

readonly DATA=/var/lib/pgadmin
readonly SERVERS=${PGADMIN_SERVER_JSON_FILE:-/pgadmin4/servers.json}
export CONFIG_DISTRO_FILE_PATH=${PGADMIN_CUSTOM_CONFIG_DISTRO_FILE:-/pgadmin4/config_distro.py}
python=/venv/bin/python3
desktop=false
[ "${PGADMIN_CONFIG_SERVER_MODE:-True}" = False ] && desktop=true

# Con `no-new-privileges` o sin la capacidad NET_BIND_SERVICE, el núcleo no deja usar el
# intérprete con permiso para puertos bajos: la imagen oficial cambia al 8080.
choose_port() {
  local bounding
  bounding=0x$(awk '/^CapBnd:/ { print $2 }' /proc/self/status)
  if grep -q '^NoNewPrivs:[[:space:]]*1' /proc/self/status || [ $((bounding & 0x400)) = 0 ]; then
    PGADMIN_LISTEN_PORT=${PGADMIN_LISTEN_PORT:-8080}
  else
    python=/venv/bin/python3-cap
    PGADMIN_LISTEN_PORT=${PGADMIN_LISTEN_PORT:-80}
  fi
}

read_password() {
  if [ -n "${PGADMIN_DEFAULT_PASSWORD_FILE:-}" ]; then
    PGADMIN_DEFAULT_PASSWORD=$(<"$PGADMIN_DEFAULT_PASSWORD_FILE")
    unset PGADMIN_DEFAULT_PASSWORD_FILE
  fi
}

write_config() {
  [ -s "$CONFIG_DISTRO_FILE_PATH" ] && return
  {
    echo "CA_FILE = '/etc/ssl/certs/ca-certificates.crt'"
    echo "LOG_FILE = '/dev/null'"
    env | sed -n 's/^PGADMIN_CONFIG_\([^=]*\)=\(.*\)$/\1 = \2/p'
  } >"$CONFIG_DISTRO_FILE_PATH"
}

check_email() {
  (cd /pgadmin4/pgadmin/utils && "$python" -c 'import sys; from validation_utils import validate_email
config = {"CHECK_EMAIL_DELIVERABILITY": False, "ALLOW_SPECIAL_EMAIL_DOMAINS": [], "GLOBALLY_DELIVERABLE": True}
sys.exit(not validate_email(sys.argv[1], config))' "$1") ||
    { echo "'$1' no es una dirección de correo que pgAdmin acepte." >&2; exit 1; }
}

load_servers() {
  [ -f "$SERVERS" ] || return 0
  local arguments=("$SERVERS")
  $desktop || arguments+=(--user "$PGADMIN_DEFAULT_EMAIL")
  [ "${PGADMIN_REPLACE_SERVERS_ON_STARTUP:-}" = True ] && arguments+=(--replace)
  "$python" setup.py load-servers "${arguments[@]}"
}

load_preferences() {
  [ -f "${PGADMIN_PREFERENCES_JSON_FILE:-/pgadmin4/preferences.json}" ] || return 0
  local user=$PGADMIN_DEFAULT_EMAIL
  $desktop && user=$("$python" -c 'import config; print(config.DESKTOP_USER)')
  "$python" setup.py set-prefs "$user" --input-file "${PGADMIN_PREFERENCES_JSON_FILE:-/pgadmin4/preferences.json}"
}

copy_passfile() {
  [ -f "${PGPASS_FILE:-}" ] || return 0
  local folder=$DATA
  $desktop || folder=$DATA/storage/${PGADMIN_DEFAULT_EMAIL//@/_}
  mkdir -p "$folder"
  install --mode 600 "$PGPASS_FILE" "$folder/.pgpass"
}

cd /pgadmin4
choose_port
read_password
write_config
if [ ! -f "$DATA/pgadmin4.db" ]; then
  : "${PGADMIN_DEFAULT_EMAIL:?falta PGADMIN_DEFAULT_EMAIL}" "${PGADMIN_DEFAULT_PASSWORD:?falta PGADMIN_DEFAULT_PASSWORD}"
  check_email "$PGADMIN_DEFAULT_EMAIL"
  export PGADMIN_SETUP_EMAIL=$PGADMIN_DEFAULT_EMAIL PGADMIN_SETUP_PASSWORD=$PGADMIN_DEFAULT_PASSWORD
  "$python" run_pgadmin.py # importar la aplicación crea su base de datos
  load_servers
  load_preferences
  copy_passfile
elif [ "${PGADMIN_REPLACE_SERVERS_ON_STARTUP:-}" = True ]; then
  load_servers
fi
exec "$python" /venv/bin/gunicorn --bind "${PGADMIN_LISTEN_ADDRESS:-[::]}:$PGADMIN_LISTEN_PORT" \
  --workers 1 --threads "${GUNICORN_THREADS:-25}" --timeout 86400 \
  --access-logfile "${GUNICORN_ACCESS_LOGFILE:--}" run_pgadmin:app
