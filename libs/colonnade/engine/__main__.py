"""``python -m colonnade.engine``: reads the settings and serves until stopped."""

import os
import sys
from collections.abc import Sequence

from colonnade.rpc import run_service


def main(arguments: Sequence[str] | None = None) -> int:
    # OpenMP's threads spin while they wait for each other, unless told otherwise before torch loads it. Where
    # other processes share the cores, as on a laptop, a parallel region then begins after 35 ms instead of
    # 30 us (docs/adr/0007). GOMP_SPINCOUNT, if set, overrules this.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from colonnade.engine.process import report, serve
    from colonnade.engine.settings import EngineSettings

    return run_service(EngineSettings, serve, report, arguments)


if __name__ == "__main__":
    sys.exit(main())
