"""catalog: qué tablas hay y qué se dice de ellas. tables.py lo pregunta; markdown.py lo escribe (`etl catalog`)."""
