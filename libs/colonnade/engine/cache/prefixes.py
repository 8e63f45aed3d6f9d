"""Finding pages that hold what a new sequence begins with.

The key of a page is a SHA-256 over everything that its content depends on: the model, the adapter, and all
tokens from the first to the page's last. Equal keys mean equal tokens, so nothing has to be compared. Whose
tokens they were is part of it too: from how fast an answer comes, nobody learns what another tenant asked.
"""

import hashlib
import json
from array import array
from collections.abc import Sequence

from colonnade.engine.kernels.attention import PAGE


class Chain:
    """The keys of a text's full pages, each made of the key before it and the page's own tokens.

    A chain remembers its keys. It belongs to one text, which may grow; ``cut`` it before the text changes."""

    def __init__(self, *root: str | None) -> None:
        """``root``: whatever else the content depends on, and who may share it."""
        self._root = hashlib.sha256(json.dumps(root).encode()).digest()
        self._keys: list[bytes] = []

    def over(self, tokens: Sequence[int]) -> list[bytes]:
        """A key for each full page of ``tokens``."""
        full = len(tokens) // PAGE
        for page in range(len(self._keys), full):
            before = self._keys[-1] if self._keys else self._root
            ids = array("q", tokens[page * PAGE : (page + 1) * PAGE])
            self._keys.append(hashlib.sha256(before + ids.tobytes()).digest())
        return self._keys[:full]

    def cut(self, pages: int) -> None:
        """Keeps the keys of the first ``pages`` pages."""
        del self._keys[pages:]

    def branch(self, pages: int = 0) -> "Chain":
        """A chain of its own that begins with the first ``pages`` keys of this one."""
        chain = Chain()
        chain._root, chain._keys = self._root, self._keys[:pages]
        return chain


class PrefixIndex:
    """Which page holds the content of a key. A page is known by one key at most."""

    def __init__(self) -> None:
        self._pages: dict[bytes, int] = {}
        self._keys: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, page: int) -> bool:
        return page in self._keys

    def publish(self, key: bytes, page: int) -> None:
        """Others may share ``page`` from now on; no effect where another page of this content is known."""
        if self._pages.setdefault(key, page) == page:
            assert self._keys.setdefault(page, key) == key, "a page that is shared never changes"

    def find(self, keys: Sequence[bytes]) -> list[int]:
        """The pages of the first keys, up to one that is not known."""
        found = []
        for key in keys:
            page = self._pages.get(key)
            if page is None:
                break
            found.append(page)
        return found

    def forget(self, page: int) -> None:
        del self._pages[self._keys.pop(page)]
