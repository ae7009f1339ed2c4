"""doctor: `etl doctor`, que dice qué está mal y cómo se arregla (`examine.py`).

En `causes.toml`, los fallos que todo el mundo encuentra alguna vez; los usan también los mensajes de error.
"""
