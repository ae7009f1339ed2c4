"""`python -m etl`: el núcleo solo, sin nada de `extras/`."""

from etl.cli import main

main()
