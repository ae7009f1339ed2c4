# Una receta y varias etapas (lección 7.1.10, patrón 3):
#
#   *builder                 instalan las dependencias y recortan lo que no se usa
#   code                     app/, sql/ y spark/, con permiso de lectura para todos
#   base                     Python, el entorno ya hecho y el usuario
#   etl                      base y el código: lo que corre app_etl
#   spark                    base, Java, Spark y el código: el clúster y app_spark
#   notebooks                spark y JupyterLab
#
# Solo se publican las tres últimas. Comparten base, y con ella el Python: en Spark tiene que ser
# el mismo en el conductor de un trabajo y en quienes lo hacen. Docker guarda una vez lo que comparten.
#
# Lo que cambia poco va antes que lo que cambia mucho (7.1.2, «Capas»): editar el código
# no vuelve a instalar nada.

# La imagen base es un argumento: un espejo del centro, o las que construye tests/images
# donde no hay registro. 3.11 es la de la lección; bookworm, porque trae Java 17, el que vale para
# las dos líneas de Spark.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
# 4.3, la de ahora; 3.5, la del curso (docs/escalar.md). Cada una tiene su candado.
ARG SPARK_LINE=4.3

# --- builder --------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS builder

# El entorno vive fuera de /app: en desarrollo ./app se monta encima de /app y taparía
# cualquier cosa que hubiera dentro. Sin pip: el de la imagen base instala desde fuera.
RUN python -m venv --without-pip /opt/venv

# Solo el candado, no el proyecto: esta capa se rehace únicamente si cambian las dependencias.
COPY requirements/etl.txt /tmp/requirements.txt

# --mount=type=cache guarda las descargas entre construcciones sin meterlas en una capa.
# --require-hashes: se instala exactamente lo que dice el candado, o nada.
# --only-binary: si falta una rueda, mejor un error que un compilador dentro de la imagen.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m pip --python /opt/venv/bin/python install \
      --disable-pip-version-check --require-hashes --only-binary :all: \
      --requirement /tmp/requirements.txt

# Se recorta aquí, antes de copiar a la etapa final: borrar en una capa posterior no ahorra.
# Fuera: las pruebas de las bibliotecas, sus cabeceras, lo de Arrow que es para hablar con
# nubes o servir datos por red, los símbolos de depuración (strip) y el código compilado de
# los módulos que nunca se importan: se tira todo y se importa lo que usa el pipeline, que de
# paso comprueba que lo que queda funciona.
RUN apt-get update && apt-get install --yes --no-install-recommends binutils \
 && rm -rf /var/lib/apt/lists/*
COPY docker/trim.sh /tmp/trim.sh
RUN sh /tmp/trim.sh /opt/venv

# La orden `etl`, sin instalar el paquete: lo que vale es siempre lo que haya en /app.
RUN printf '%s\n' '#!/opt/venv/bin/python' 'import sys' 'from wiring import main' 'sys.exit(main())' \
      > /opt/venv/bin/etl \
 && chmod 755 /opt/venv/bin/etl

# --- spark-builder ----------------------------------------------------------------------------
FROM builder AS spark-builder

ARG SPARK_LINE
COPY requirements/build.txt requirements/spark-${SPARK_LINE}.txt /tmp/

# PySpark trae dentro el Spark entero: maestro, trabajadores y sus jars. No se publica como rueda,
# así que se construye aquí, con el setuptools del candado y sin bajar otro. Va a una carpeta propia
# que en Python se mira antes que el entorno: la línea 3.5 trae ahí, además, el pandas que admite.
RUN --mount=type=cache,target=/root/.cache/pip \
    install="python -m pip --python /opt/venv/bin/python install --disable-pip-version-check --require-hashes" \
 && $install --requirement /tmp/build.txt \
 && $install --no-deps --no-build-isolation --only-binary :all: --no-binary pyspark \
      --target /opt/spark-python --requirement /tmp/spark-${SPARK_LINE}.txt
COPY docker/spark/trim.sh /tmp/trim-spark.sh
RUN sh /tmp/trim-spark.sh /opt/spark-python

# --- notebooks-builder ------------------------------------------------------------------------
FROM builder AS notebooks-builder

# En su carpeta, como Spark: la imagen que sale es la de Spark y una capa más.
COPY requirements/notebooks.txt /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m pip --python /opt/venv/bin/python install --disable-pip-version-check \
      --require-hashes --no-deps --only-binary :all: --target /opt/notebooks --requirement /tmp/notebooks.txt \
 && find /opt/notebooks -type d -name tests -prune -exec rm -rf {} +

# --- code -----------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS code

# a+rX: que un clon hecho con permisos estrictos no deje al usuario sin poder leer el código.
# compileall: la raíz es de solo lectura, y compilarlo en cada orden cuesta 50 ms.
COPY app /app
COPY sql /sql
COPY spark /spark
# tienda
COPY --chmod=755 shop/generate /shop/generate
# /tienda
RUN python -m compileall -q --invalidation-mode checked-hash /app \
 && chmod -R a+rX /app /sql /spark

# --- base -----------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS base

# 1000 es el primer usuario de casi cualquier Linux: lo que el contenedor escriba en
# datos/salida será de quien lo ejecuta (si no, ETL_UID y ETL_GID en .env).
RUN groupadd --gid 1000 etl \
 && useradd --uid 1000 --gid etl --no-create-home --home-dir /tmp --shell /usr/sbin/nologin etl \
 && mkdir /datos

COPY --from=builder /opt/venv /opt/venv
COPY --chmod=755 docker/start.sh /usr/local/bin/start

# PYTHONPATH: `etl` se importa de /app desde cualquier carpeta.
# PYTHONUNBUFFERED: los mensajes salen al momento en `docker compose logs -f` (7.1.7).
# PYTHONDONTWRITEBYTECODE: la raíz es de solo lectura; que ni lo intente.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

WORKDIR /app
# Con número y no con nombre: Kubernetes puede comprobar así que no es root.
USER 1000:1000
# Es una tarea que termina, no un servicio: no hay salud que preguntar.
HEALTHCHECK NONE
ENTRYPOINT ["start"]

# --- etl ------------------------------------------------------------------------------------
FROM base AS etl

LABEL org.opencontainers.image.title="etl" \
      org.opencontainers.image.description="De los archivos de datos/ a tablas validadas de PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm"

# La receta con la que se hizo: «etl doctor» la compara con la de ahora (7.1.8, error 6).
COPY --chmod=644 Dockerfile requirements/etl.txt /usr/local/share/etl/
# tienda
# La orden que genera los datos de ejemplo.
COPY --from=code /shop /shop
# /tienda
COPY --from=code /sql /sql
COPY --from=code /app /app

CMD ["python", "etl_pipeline.py"]

# --- spark ----------------------------------------------------------------------------------
FROM base AS spark

LABEL org.opencontainers.image.title="etl-spark" \
      org.opencontainers.image.description="El mismo pipeline en Apache Spark: maestro, trabajadores y trabajos" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm"

# root (0), solo para instalar: al final vuelve a ser el usuario de antes.
USER 0:0
# El Java de Debian 12 es el 17; headless, sin ventanas. El controlador
# JDBC, para que Spark lea tablas de PostgreSQL. nss-wrapper, para start.sh. El paquete de Java
# espera la carpeta de los manuales, que la imagen no trae. El enlace no cambia con el procesador.
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install --yes --no-install-recommends \
      openjdk-17-jre-headless libpostgresql-jdbc-java libnss-wrapper \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && ln -s /usr/lib/jvm/java-17-openjdk-* /opt/java

COPY --from=spark-builder /opt/spark-python /opt/spark-python

# /opt/spark es el SPARK_HOME de costumbre; en sus jars, el controlador está siempre al alcance.
# /opt/spark-data, -apps y -jars son las rutas que usan los capítulos de Spark del curso.
# 1777, como /tmp: en los volúmenes puede escribir también quien cambie ETL_UID.
RUN ln -s /opt/spark-python/pyspark /opt/spark \
 && ln -s /usr/share/java/postgresql.jar /opt/spark/jars/postgresql.jar \
 && ln -s /datos /opt/spark-data \
 && ln -s /spark/jobs /opt/spark-apps \
 && ln -s /opt/spark/jars /opt/spark-jars \
 && mkdir -m 1777 /spark-events /spark-work

# TieredStopAtLevel: el maestro, los trabajadores y el historial solo coordinan; si Java optimiza
# menos su código, arrancan con la mitad de CPU (de 4,3 s a 2,5). No afecta a los trabajos.
ENV PATH=/opt/venv/bin:/opt/spark/bin:$PATH \
    PYTHONPATH=/app:/opt/spark-python \
    JAVA_HOME=/opt/java \
    SPARK_HOME=/opt/spark \
    SPARK_CONF_DIR=/spark/conf \
    SPARK_DAEMON_JAVA_OPTS=-XX:TieredStopAtLevel=1 \
    PYSPARK_PYTHON=/opt/venv/bin/python

COPY --chmod=755 docker/spark/start.sh /usr/local/bin/start-spark
COPY --chmod=755 docker/spark/healthy.py /usr/local/bin/spark-healthy
ARG SPARK_LINE
COPY --chmod=644 Dockerfile requirements/etl.txt requirements/spark-${SPARK_LINE}.txt /usr/local/share/etl/
# tienda
# La orden que genera los datos de ejemplo.
COPY --from=code /shop /shop
# /tienda
COPY --from=code /sql /sql
COPY --from=code /spark /spark
COPY --from=code /app /app

USER 1000:1000
ENTRYPOINT ["start-spark"]
CMD ["etl", "run", "--engine", "spark"]

# --- notebooks ------------------------------------------------------------------------------
FROM spark AS notebooks

LABEL org.opencontainers.image.title="etl-notebooks" \
      org.opencontainers.image.description="JupyterLab con el pipeline, Spark y la base de datos a mano"

# JupyterLab busca ahí sus páginas y sus extensiones. HOME: quien cambie ETL_UID no tiene carpeta.
ENV PATH=$PATH:/opt/notebooks/bin \
    PYTHONPATH=/app:/opt/spark-python:/opt/notebooks \
    JUPYTER_PATH=/opt/notebooks/share/jupyter \
    JUPYTER_CONFIG_PATH=/opt/notebooks/etc/jupyter \
    JUPYTERLAB_DIR=/opt/notebooks/share/jupyter/lab \
    HOME=/tmp
COPY --chmod=644 requirements/notebooks.txt /usr/local/share/etl/
COPY --from=notebooks-builder /opt/notebooks /opt/notebooks
WORKDIR /spark/notebooks

CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
