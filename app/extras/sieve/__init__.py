"""sieve: de un trozo con claves repetidas, qué filas hay que preguntar a PostgreSQL."""
