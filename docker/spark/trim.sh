#!/bin/sh
# Deja en PySpark lo que se usa aquí y lo que pueden pedir los capítulos siguientes (MLlib, Hive,
# streaming, Kubernetes, YARN): `trim.sh /opt/spark-python`. Lo llama el Dockerfile.
set -eu
cd "$1"

# Ejemplos, sus datos, pruebas, anotaciones para editores y una copia de los programas de pyspark/bin.
rm -rf pyspark/examples pyspark/data bin
find . -type d -name tests -prune -exec rm -rf {} +
find . -type f -name '*.pyi' -delete

# La consola de Scala de Spark Connect, que Spark 4 trae con otra copia de sus bibliotecas: 60 MB.
rm -rf pyspark/jars/connect-repl

# Mesos, un gestor de clústeres que Spark 3.2 dio por retirado.
rm -f pyspark/jars/mesos-*.jar pyspark/jars/spark-mesos_*.jar

# RocksDB trae su biblioteca para once sistemas, 5 MB cada una: se queda la de Linux con glibc.
"/opt/venv/bin/python" - pyspark/jars/rocksdbjni-*.jar <<'FIN'
import os, sys, zipfile

NATIVE = (".so", ".jnilib", ".dll")
KEPT = ("librocksdbjni-linux64.so", "librocksdbjni-linux-aarch64.so")
jar = sys.argv[1]
with zipfile.ZipFile(jar) as old, zipfile.ZipFile(jar + ".new", "w", zipfile.ZIP_DEFLATED) as new:
    for entry in old.infolist():
        if entry.filename in KEPT or not entry.filename.endswith(NATIVE):
            new.writestr(entry, old.read(entry))
os.replace(jar + ".new", jar)
FIN

# Código compilado de lo que importa cualquier trabajo: la raíz de los contenedores es de solo
# lectura y, sin esto, cada proceso de Python lo compilaría otra vez.
PYTHONPATH=$1 /opt/venv/bin/python -c 'import pyspark.sql, pyspark.daemon, pyspark.worker'
