#!/bin/sh
# Lo primero que corre en los contenedores de Spark; después sigue start.sh, como en los demás.
set -eu

# El maestro y los trabajadores solo leen el secreto del clúster de _SPARK_AUTH_SECRET: se les da
# ahí, venga de una variable o de un archivo.
if [ -n "${SPARK_AUTH_SECRET_FILE:-}" ]; then
  SPARK_AUTH_SECRET=$(cat "$SPARK_AUTH_SECRET_FILE")
fi
export _SPARK_AUTH_SECRET="${SPARK_AUTH_SECRET:-}"

# JupyterLab lee de un archivo su testigo con el salto de línea que dejan los editores: se le da sin él.
if [ -n "${JUPYTER_TOKEN_FILE:-}" ]; then
  (umask 077 && tr -d '\r\n' <"$JUPYTER_TOKEN_FILE" >/tmp/jupyter_token)
  export JUPYTER_TOKEN_FILE=/tmp/jupyter_token
fi

# Lo mismo que pone `etl run` en su sesión, para cualquier trabajo que se lance con spark-submit o
# pyspark: este clúster, el secreto (aquí basta con decir que lo hay) y su sitio en el historial.
export MASTER="${SPARK_MASTER_URL:-local[*]}"
export SPARK_SUBMIT_OPTS="-Dspark.authenticate.secret=_SPARK_AUTH_SECRET -Dspark.eventLog.enabled=true"
export SPARK_SUBMIT_OPTS="$SPARK_SUBMIT_OPTS -Dspark.eventLog.dir=file:/spark-events"

# Java no arranca si su usuario no tiene nombre, y el de ETL_UID puede no estar en la imagen. La
# raíz es de solo lectura: en lugar de añadirlo a /etc/passwd, nss-wrapper hace leer otro archivo.
if ! id -un >/dev/null 2>&1; then
  echo "etl:x:$(id -u):$(id -g)::/tmp:/usr/sbin/nologin" >/tmp/passwd
  export NSS_WRAPPER_PASSWD=/tmp/passwd NSS_WRAPPER_GROUP=/etc/group LD_PRELOAD=libnss_wrapper.so
fi

exec start "$@"
