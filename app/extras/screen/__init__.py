"""screen: lo que se ve en el terminal: avance, resumen, estado y cuarentena."""
