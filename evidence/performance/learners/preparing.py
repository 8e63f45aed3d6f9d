"""``python -m evidence.performance.learners.preparing SETTINGS OUT``: makes a token set, in a process to be
killed."""

import sys
from pathlib import Path

from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.settings import DataSettings


def main() -> None:
    settings, out = map(Path, sys.argv[1:])
    prepare(DataSettings.model_validate_json(settings.read_text()), out)


if __name__ == "__main__":
    main()
