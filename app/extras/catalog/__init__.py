"""catalog: qué tablas hay y qué se dice de ellas (`tables.py`)."""
