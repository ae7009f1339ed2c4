"""`python -m etl` es la misma orden que `etl`."""

from etl.cli import main

main()
