"""transform: un trozo de filas en texto -> las buenas con su tipo y las malas con su motivo.

validate.py  tipos, reglas y condiciones; pura: ni archivos, ni base de datos, ni reloj
parse.py     texto -> número, fecha, sí o no
"""
