# Lo lee todo lo que arranca Spark en Linux y macOS, antes de lanzar Java.
# Spark 4 usa un módulo de Java en pruebas, y Java lo avisa siempre: no hay nada que hacer con ello.
exec 2> >(exec grep --line-buffered -vF 'WARNING: Using incubator modules' >&2)
