"""Where a prompt's beginning was served before, and so may still lie in an engine's cache.

An engine shares what it worked out for a prompt with those of the same tenant that begin alike. The router
cannot see its cache; it remembers instead, in blocks, what it sent where. A block's key is a hash over
everything before it too, so that equal keys mean equal beginnings.
"""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from colonnade.inference.domain.engines import Run

BLOCK_CHARACTERS = 256
"""About 64 tokens, which is four of an engine's pages."""
BLOCK_TOKENS = 64
MAX_BLOCKS = 64
"""Of one prompt; what comes behind makes no difference to the choice."""
_KEY_BYTES = 16


def text_keys(root: Sequence[str], parts: Iterable[str]) -> tuple[bytes, ...]:
    """Keys of the full blocks that a text begins with. ``root``: what else an engine's cache depends on."""
    wanted, joined = BLOCK_CHARACTERS * MAX_BLOCKS, ""
    for part in parts:
        joined += part[: wanted - len(joined)]
        if len(joined) == wanted:
            break
    blocks = len(joined) // BLOCK_CHARACTERS
    return _chained(
        root,
        (
            joined[block * BLOCK_CHARACTERS : (block + 1) * BLOCK_CHARACTERS].encode(errors="surrogatepass")
            for block in range(blocks)
        ),
    )


def token_keys(root: Sequence[str], ids: Sequence[int]) -> tuple[bytes, ...]:
    """The same for a prompt that is given as tokens."""
    blocks = min(MAX_BLOCKS, len(ids) // BLOCK_TOKENS)
    return _chained(
        root,
        (
            array("q", ids[block * BLOCK_TOKENS : (block + 1) * BLOCK_TOKENS]).tobytes()
            for block in range(blocks)
        ),
    )


def _chained(root: Sequence[str], blocks: Iterable[bytes]) -> tuple[bytes, ...]:
    key = hashlib.blake2b("\0".join(root).encode(), digest_size=_KEY_BYTES).digest()
    keys = []
    for block in blocks:
        key = hashlib.blake2b(key + block, digest_size=_KEY_BYTES).digest()
        keys.append(key)
    return tuple(keys)


class Prefixes:
    """The beginnings that each engine's present process has served, the most recent ones."""

    def __init__(self, capacity: int) -> None:
        """At most ``capacity`` blocks of each engine are remembered; 0 remembers nothing."""
        self._capacity = capacity
        self._served: dict[str, tuple[str, OrderedDict[bytes, None]]] = {}
        """By address: the process, and its blocks, those used longest ago first."""

    def served(self, run: Run, keys: Sequence[bytes]) -> None:
        """The engine works off a prompt with these keys."""
        if not keys or not self._capacity:
            return
        kept = self._of(run)
        if kept is None:
            kept = OrderedDict()
            self._served[run[0]] = (run[1], kept)
        for key in reversed(keys):  # so that the end of a prompt is forgotten before its beginning
            kept[key] = None
            kept.move_to_end(key)
        while len(kept) > self._capacity:
            kept.popitem(last=False)

    def match(self, run: Run, keys: Sequence[bytes]) -> int:
        """How many of the keys, from the first on, this process has served."""
        kept = self._of(run)
        if not kept:
            return 0
        count = 0
        for key in keys:
            if key not in kept:
                break
            count += 1
        return count

    def forget(self, address: str) -> None:
        self._served.pop(address, None)

    def blocks(self, address: str) -> int:
        return len(self._served[address][1]) if address in self._served else 0

    def _of(self, run: Run) -> OrderedDict[bytes, None] | None:
        instance, kept = self._served.get(run[0], ("", None))
        return kept if instance == run[1] else None
