"""``python -m colonnade.engine``: reads the settings and serves until stopped."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from pydantic import ValidationError

from colonnade.errors import ColonnadeError

_REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m colonnade.engine", description=__doc__)
    parser.add_argument("--version", action="version", version=version("colonnade"))
    parser.add_argument("--check", action="store_true", help="read the settings, report, and leave")
    options = parser.parse_args(arguments)
    # OpenMP's threads spin while they wait for each other, unless told otherwise before torch loads it. Where
    # other processes share the cores, as on a laptop, spinning made decoding five times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from colonnade.engine.process import report, serve
    from colonnade.engine.settings import EngineSettings
    from colonnade.rpc import run

    try:
        settings = EngineSettings()
        if options.check:
            sys.stdout.write(json.dumps(report(settings), indent=2) + "\n")
        else:
            run(serve(settings))
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        return _refuse("; ".join(faults))
    except ColonnadeError as error:
        return _refuse(error.message)
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write(f"engine: {why}\n")
    return _REFUSED


if __name__ == "__main__":
    sys.exit(main())
