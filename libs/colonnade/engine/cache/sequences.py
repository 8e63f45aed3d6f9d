"""What one sequence holds."""

import numpy as np
from torch import Tensor

from colonnade.engine.cache.prefixes import Chain


class SequenceState:
    """Pages in the order of positions, fixed state by name, and what the committed positions were made of."""

    __slots__ = ("chain", "count", "fixed", "length", "published", "pure", "table", "tokens")

    def __init__(self, most_pages: int, chain: Chain | None) -> None:
        self.table = np.zeros(most_pages, dtype=np.int32)
        self.count = 0
        """Pages held: the first ones of ``table``."""
        self.length = 0
        """Committed positions."""
        self.tokens: list[int] = []
        """Of the committed positions."""
        self.fixed: dict[str, Tensor] = {}
        self.chain = chain
        """Keys under which others may share the pages; None if nobody may."""
        self.published = 0
        """Leading pages that were offered to others."""
        self.pure = True
        """Every committed position depends on the tokens up to it alone."""

    @property
    def pages(self) -> list[int]:
        return [int(page) for page in self.table[: self.count]]

    def append(self, page: int) -> None:
        self.table[self.count] = page
        self.count += 1
