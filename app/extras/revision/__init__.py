"""revision: escribe las migraciones que pide lo declarado. commands.py es la orden; revise.py, el trabajo."""
