"""``python -m colonnade.models.convert SOURCE --out DIR``."""

import sys

from colonnade.models.convert.command import main

if __name__ == "__main__":
    sys.exit(main())
