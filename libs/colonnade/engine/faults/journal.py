"""Who is in the forward that runs now, in a file that outlives the process.

A mapped file: a note is a copy in memory, some microseconds, and the kernel keeps it when the process is
killed. It need not survive the machine, so nothing is synced.
"""

import mmap
from collections.abc import Sequence
from pathlib import Path

from colonnade.engine.faults.fingerprint import SIZE

_HEAD = 4


class Journal:
    """One engine's note. ``begin`` and ``end`` belong to the core's thread."""

    def __init__(self, path: Path, capacity: int) -> None:
        """``capacity`` is the most requests of one forward; a note of more keeps the first ones."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.left_over = _read(path)
        """Those that were in a forward when the process before this one died."""
        self._capacity = capacity
        self._noted = b""
        size = _HEAD + capacity * SIZE
        with path.open("w+b") as file:
            file.truncate(size)
            self._map = mmap.mmap(file.fileno(), size)

    def begin(self, fingerprints: Sequence[bytes]) -> None:
        """Notes who is in the forward that begins."""
        kept = b"".join(fingerprints[: self._capacity])
        if kept != self._noted:  # most forwards have the same company as the one before
            self._map[_HEAD : _HEAD + len(kept)] = self._noted = kept
        self._map[:_HEAD] = (len(kept) // SIZE).to_bytes(_HEAD, "little")

    def end(self) -> None:
        """Nobody is in a forward, or accused, from now on."""
        self._map[:_HEAD] = bytes(_HEAD)

    def close(self) -> None:
        self._map.close()


def _read(path: Path) -> tuple[bytes, ...]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    count = int.from_bytes(content[:_HEAD], "little")
    noted = content[_HEAD : _HEAD + count * SIZE]
    return tuple(noted[at : at + SIZE] for at in range(0, len(noted) - SIZE + 1, SIZE))
