"""quarantine: sacar a un CSV las filas apartadas, y volver a cargarlas ya corregidas."""
