"""``python -m colonnade.learn``."""

import sys

from colonnade.learn.command import main

if __name__ == "__main__":
    sys.exit(main())
