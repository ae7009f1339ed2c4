# Una receta y varias etapas (lección 7.1.10, patrón 3):
#
#   builder   instala las dependencias y recorta lo que no se usa; no se publica
#   etl       lo que corre app_etl: Python, el entorno ya hecho y el código
#
# Lo que cambia poco va antes que lo que cambia mucho (7.1.2, «Capas»): editar el código
# no vuelve a instalar nada.

# La imagen base es un argumento: un espejo del centro, o las que construye tests/images
# donde no hay registro. 3.11 es la de la lección; bookworm, porque trae el Java 17 de Spark.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

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
RUN printf '%s\n' '#!/opt/venv/bin/python' 'import sys' 'from etl.cli import main' 'sys.exit(main())' \
      > /opt/venv/bin/etl \
 && chmod 755 /opt/venv/bin/etl

# a+rX: que un clon hecho con permisos estrictos no deje al usuario sin poder leer el código.
COPY app /app
COPY sql /sql
RUN chmod -R a+rX /app /sql

# --- etl ------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS etl

LABEL org.opencontainers.image.title="etl" \
      org.opencontainers.image.description="De los archivos de datos/ a tablas validadas de PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm"

# 1000 es el primer usuario de casi cualquier Linux: lo que el contenedor escriba en
# datos/salida será de quien lo ejecuta (si no, ETL_UID y ETL_GID en .env).
RUN groupadd --gid 1000 etl \
 && useradd --uid 1000 --gid etl --no-create-home --home-dir /tmp --shell /usr/sbin/nologin etl \
 && mkdir /datos

COPY --from=builder /opt/venv /opt/venv
# La receta con la que se hizo: «etl doctor» la compara con la de ahora (7.1.8, error 6).
COPY Dockerfile requirements/etl.txt /usr/local/share/etl/
COPY --chmod=755 docker/start.sh /usr/local/bin/start
COPY --from=builder /sql /sql
COPY --from=builder /app /app

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
CMD ["python", "etl_pipeline.py"]
