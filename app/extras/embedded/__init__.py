"""embedded: PostgreSQL sin instalar nada (`lifecycle.py`), y las órdenes `etl db` (`commands.py`)."""
