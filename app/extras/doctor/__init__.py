"""doctor: `etl doctor`, que dice qué está mal y cómo se arregla (`examine.py`).

En `causes.py`, los fallos que todo el mundo encuentra alguna vez; los usan también los mensajes de error.
"""
