# Lo lee todo lo que arranca Spark en Linux y macOS, antes de lanzar Java. Calla avisos que no piden nada.

# Los de PySpark 4.3 de que pandas 3 es demasiado nuevo para él: las pruebas dicen que no.
export PYTHONWARNINGS="${PYTHONWARNINGS:-ignore:PySpark does not yet fully support pandas}"

# Los de Java: Spark 4 le pide módulos en pruebas, y alguno que el 25 ya no tiene.
exec 2> >(exec grep --line-buffered -v -e '^WARNING: Using incubator modules' -e '^WARNING: package .* not in java.base' >&2)
