"""``python -m colonnade.vllm``: reads the settings and serves until stopped."""

import sys
from collections.abc import Sequence

from colonnade.rpc import run_service


def main(arguments: Sequence[str] | None = None) -> int:
    from colonnade.vllm.process import report, serve
    from colonnade.vllm.settings import VllmSettings

    return run_service(VllmSettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
