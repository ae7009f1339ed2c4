"""profile: cómo son los datos de una tabla, columna a columna. profile.py lo pregunta; show.py lo enseña (`etl profile`)."""
