"""La orden de la lección: `python etl_pipeline.py` hace lo mismo que `etl run`."""

import sys

from wiring import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
