"""``python -m alframe`` is ``alframe``."""

from alframe.cli import main

main()
