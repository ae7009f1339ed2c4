"""report: `etl report`, el informe de las cargas en una página HTML (`write.py`)."""
