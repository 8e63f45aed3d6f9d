"""Where a thread spends its time, by looking at it a few hundred times a second.

A look costs the thread nothing while it is in native code, which does not hold the interpreter's lock: unlike
a tracing profiler, this does not make Python's share look larger than it is.
"""

import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

_EVERY_SECONDS = 0.003


class Profile:
    """Looks at the thread of this name between enter and exit."""

    def __init__(self, thread: str) -> None:
        self._ident = next(each.ident for each in threading.enumerate() if each.name == thread)
        self._seen: Counter[str] = Counter()
        self._over = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._looker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._looker.join()

    def shares(self, most: int = 12) -> dict[str, float]:
        """Parts of the time by the innermost function of ours, the largest first."""
        total = sum(self._seen.values()) or 1
        return {place: round(count / total, 4) for place, count in self._seen.most_common(most)}

    def _look(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            assert self._ident is not None
            frame = sys._current_frames().get(self._ident)
            if frame is not None:
                self._seen[place_of(frame)] += 1


def place_of(frame: FrameType) -> str:
    """The innermost function of the stack that is Colonnade's, as ``engine/step.py run``."""
    innermost: FrameType | None = frame
    while innermost is not None:
        parts = Path(innermost.f_code.co_filename).parts
        if "colonnade" in parts:
            inside = "/".join(parts[len(parts) - parts[::-1].index("colonnade") :])
            return f"{inside} {innermost.f_code.co_name}"
        innermost = innermost.f_back
    return "elsewhere"
