"""Questions as vectors, and the one that is nearest to another. Compared one by one: exact, and quick enough
for as many as are kept."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from colonnade.inference.domain import Place

Vector: TypeAlias = NDArray[np.float32]
_FIRST_ROWS = 8


def unit(values: Sequence[float]) -> Vector | None:
    """Of length 1, so that a product is a cosine; None where there is no direction."""
    vector = np.asarray(values, np.float32)
    length = float(np.linalg.norm(vector))
    return vector / length if np.isfinite(length) and length > 0 else None


class _Group:
    """Rows of a matrix that grows."""

    def __init__(self, width: int) -> None:
        self._vectors: Vector = np.empty((_FIRST_ROWS, width), np.float32)
        self.places: list[Place] = []
        self._rows: dict[Place, int] = {}

    def put(self, place: Place, vector: Vector) -> None:
        row = self._rows.setdefault(place, len(self.places))
        if row == len(self.places):
            self.places.append(place)
            if row == len(self._vectors):
                self._vectors = np.concatenate([self._vectors, np.empty_like(self._vectors)])
        self._vectors[row] = vector

    def drop(self, place: Place) -> None:
        """The last row takes its place."""
        row, last = self._rows.pop(place), self.places.pop()
        if last != place:
            self.places[row], self._rows[last] = last, row
            self._vectors[row] = self._vectors[len(self.places)]

    def nearest(self, vector: Vector) -> tuple[Place, float]:
        products = self._vectors[: len(self.places)] @ vector
        row = int(products.argmax())
        return self.places[row], min(1.0, float(products[row]))


class Nearest:
    def __init__(self, capacity: int) -> None:
        """At most ``capacity`` questions of all groups together; those of use longest ago go first."""
        self._capacity = capacity
        self._groups: dict[bytes, _Group] = {}
        self._of: OrderedDict[Place, bytes] = OrderedDict()
        """The group of each."""

    def __len__(self) -> int:
        return len(self._of)

    def put(self, group: bytes, vector: Vector, place: Place) -> None:
        self.forget(place)
        self._groups.setdefault(group, _Group(len(vector))).put(place, vector)
        self._of[place] = group
        while len(self._of) > self._capacity:
            self.forget(next(iter(self._of)))

    def find(self, group: bytes, vector: Vector) -> tuple[Place, float] | None:
        """The nearest of the group, and the cosine of the two."""
        known = self._groups.get(group)
        return known.nearest(vector) if known else None

    def used(self, place: Place) -> None:
        self._of.move_to_end(place)

    def forget(self, place: Place) -> None:
        group = self._of.pop(place, None)
        if group is None:
            return
        self._groups[group].drop(place)
        if not self._groups[group].places:
            del self._groups[group]

    def purge(self, digest: str, tenant: str) -> None:
        """Empty is any."""
        for place in list(self._of):
            if digest in ("", place.digest) and tenant in ("", place.tenant):
                self.forget(place)
