#!/usr/bin/env bash
# Arranque del PostgreSQL de pruebas: se porta como documenta la imagen oficial en lo que
# este proyecto usa.
#
#   carpeta vacía -> initdb -> servidor temporal SOLO en el socket -> base de datos
#   -> /docker-entrypoint-initdb.d/* -> parada -> servidor definitivo
#
# Durante la fase temporal nadie llega por TCP: por eso el healthcheck pregunta por TCP.
set -Eeuo pipefail

# Los programas de la rueda buscan el socket en /tmp; los de Debian y la imagen oficial, en el otro.
readonly SOCKETS=unix_socket_directories=/var/run/postgresql,/tmp

if [ "$PG_MAJOR" -ge 18 ]; then
  export PGDATA=${PGDATA:-/var/lib/postgresql/$PG_MAJOR/docker}
else
  export PGDATA=${PGDATA:-/var/lib/postgresql/data}
fi

# read_secret VARIABLE [valor]: la variable, o el contenido del archivo de VARIABLE_FILE.
read_secret() {
  local name=$1 file_name=$1_FILE value=${2:-}
  if [ -n "${!name:-}" ] && [ -n "${!file_name:-}" ]; then
    echo "error: $name y $file_name están definidas a la vez; solo puede estar una" >&2
    exit 1
  fi
  if [ -n "${!name:-}" ]; then value=${!name}; fi
  if [ -n "${!file_name:-}" ]; then value=$(<"${!file_name}"); fi
  export "$name=$value"
  unset "$file_name"
}

run_sql() { psql --no-psqlrc --no-password -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" "$@"; }

run_init_file() {
  echo "$0: ejecutando $1"
  case $1 in
    *.sh) if [ -x "$1" ]; then "$1"; else . "$1"; fi ;;
    *.sql) run_sql -f "$1" ;;
    *.sql.gz) gunzip -c "$1" | run_sql ;;
    *.sql.xz) xzcat "$1" | run_sql ;;
    *.sql.zst) zstd -dc "$1" | run_sql ;;
    *) echo "$0: no se usa $1" ;;
  esac
}

create_cluster() {
  if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo 'Error: falta POSTGRES_PASSWORD para crear la base de datos.' >&2
    exit 1
  fi
  # POSTGRES_INITDB_ARGS es una línea de argumentos entrecomillable: por eso `eval`.
  eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") $POSTGRES_INITDB_ARGS"
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}" >>"$PGDATA/pg_hba.conf"
}

prepare_database() {
  export PGPASSWORD=$POSTGRES_PASSWORD
  pg_ctl -w start -o "$(printf '%q ' "$@" -c listen_addresses='' -c "$SOCKETS")"
  if [ "$POSTGRES_DB" != postgres ]; then
    # psql no sustituye variables en -c; por la entrada estándar, sí.
    echo 'CREATE DATABASE :"db"' | POSTGRES_DB=postgres run_sql -v db="$POSTGRES_DB"
  fi
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    if [ -e "$file" ]; then run_init_file "$file"; fi
  done
  pg_ctl -w -m fast stop
  unset PGPASSWORD
}

if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi
if [ "$1" = postgres ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA" || true
  if [ "$(id -u)" = 0 ]; then
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres '{}' +
    exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
  fi
  read_secret POSTGRES_PASSWORD
  read_secret POSTGRES_USER postgres
  read_secret POSTGRES_DB "$POSTGRES_USER"
  read_secret POSTGRES_INITDB_ARGS
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    create_cluster
    prepare_database "${@:2}"
  fi
  # initdb deja listen_addresses en localhost; la imagen oficial escucha en todas partes.
  set -- "$1" -c "$SOCKETS" -c "listen_addresses=*" "${@:2}"
fi
exec "$@"
