"""The registry's process for a kill drill: all of it, except that imports run a quick stand-in converter.

It waits for a line on standard input before it begins, so that the drill can have the next one at hand.
"""

import os
import sys
from pathlib import Path

from colonnade.registry.__main__ import serve
from colonnade.registry.settings import RegistrySettings
from colonnade.rpc import run
from colonnade.telemetry import setup

_STAND_IN = Path(__file__).parents[2] / "unit" / "registry" / "converter.py"
CONVERTER = os.environ.get("DRILL_CONVERTER", str(_STAND_IN))

sys.stdin.readline()
setup("registry", log_level="WARNING")
run(serve(RegistrySettings(), convert=(sys.executable, "-I", CONVERTER)))
