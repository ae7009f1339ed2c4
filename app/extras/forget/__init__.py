"""forget: deshace la carga de un archivo (`etl forget`)."""
