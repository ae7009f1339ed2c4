"""generate: `etl generate`, la tienda de ejemplo del tamaño que se pida (`shop_files.py`)."""
