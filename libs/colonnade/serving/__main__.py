"""``python -m colonnade.serving``: our engines on a Ray cluster, of this machine or elsewhere."""

import sys
from collections.abc import Sequence

from colonnade.rpc import run_service
from colonnade.serving.process import report, serve
from colonnade.serving.settings import ServingSettings


def main(arguments: Sequence[str] | None = None) -> int:
    return run_service(ServingSettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
