"""Lo que declaran las pruebas: cuatro tablas suyas, que siguen aquí aunque el proyecto declare otras.

Ocupan en las pruebas el lugar de `app/declared/`. De sus columnas y reglas dependen los valores que
las pruebas llevan escritos a mano: si cambian, cambian a la vez que ellas.
"""
