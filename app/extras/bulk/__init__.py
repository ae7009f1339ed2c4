"""bulk: muchas filas en menos tiempo: la clave de una tabla vacía, al final; en una llena, solo se mezcla lo dudoso."""
