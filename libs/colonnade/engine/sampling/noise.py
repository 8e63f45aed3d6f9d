"""Random numbers that belong to a seed and a place, not to a generator that is advanced.

Philox, keyed by the request's seed and counted by (position, draw): nothing is shared, so a result cannot
depend on what else is in the batch, and a position that is drawn again draws the same.
"""

import numpy as np


class Noise:
    """The random numbers of one seed. Used by one thread at a time."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Philox(key=np.array([seed, 0], dtype=np.uint64))
        self._state = self._generator.state  # setting it is cheap, making one is not

    def at(self, position: int, draw: int) -> float:
        """The number in [0, 1) at this position and draw."""
        counter = self._state["state"]["counter"]
        counter[0], counter[1] = position, draw
        self._generator.state = self._state
        return float(int(self._generator.random_raw()) >> 11) * 2.0**-53


def uniform(seed: int, position: int, draw: int) -> float:
    """The random number in [0, 1) that belongs to this seed, position and draw."""
    return Noise(seed).at(position, draw)
