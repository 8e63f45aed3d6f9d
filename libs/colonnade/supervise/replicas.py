"""How many engines there may be, as people say it: ``2``, or ``1:4``."""

import re
from dataclasses import dataclass

from colonnade.errors import InvalidArgument

MOST = 256
"""As many engines as an inference service takes in by default."""
_SHAPE = re.compile(r"([0-9]{1,4})(?::([0-9]{1,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Replicas:
    """At least and at most; the same where their number does not change."""

    least: int
    most: int

    @classmethod
    def parse(cls, text: str) -> "Replicas":
        """Raises ``InvalidArgument`` for anything but ``N`` or ``MIN:MAX``, 1 <= MIN <= MAX <= ``MOST``."""
        shape = _SHAPE.fullmatch(text.strip())
        least, most = (int(shape[1]), int(shape[2] or shape[1])) if shape else (0, 0)
        if not 1 <= least <= most <= MOST:
            raise InvalidArgument(
                f"replicas must be a number or MIN:MAX, from 1 to {MOST}, such as 2 or 1:4",
                field="replicas",
                limit=MOST,
            )
        return cls(least, most)

    @property
    def fixed(self) -> bool:
        return self.least == self.most

    def __str__(self) -> str:
        return str(self.least) if self.fixed else f"{self.least}:{self.most}"
