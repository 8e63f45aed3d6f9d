"""How a worker process ends: in words for the process that started it."""

import os
import signal
import sys
from types import FrameType


def reason(error: BaseException) -> str:
    """What the system said, without the path that str(error) holds."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "out of memory" if isinstance(error, MemoryError) else "input or output error"


def leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)  # unwinds, so that the half-written folder is removed
