"""Guessers that know the answer, or spite it."""

import random
from collections.abc import Callable, Sequence

from colonnade.engine.speculation.guessers import Wanted


class Scripted:
    """Guesses from the true answer, each token through ``twist``."""

    def __init__(self, whole: Sequence[int], twist: Callable[[int, int], int] = lambda token, place: token):
        """``whole`` is prompt and answer; ``twist`` sees a token and its position."""
        self._whole, self._twist = whole, twist
        self.asked: list[int] = []

    def guess(self, wanted: Sequence[Wanted]) -> list[Sequence[int]]:
        (one,) = wanted
        known = len(one.view.tokens)
        self.asked.append(one.count)
        return [
            [self._twist(token, place) for place, token in enumerate(self._whole)][known : known + one.count]
        ]

    def leave(self, handle: int) -> None:
        pass


def right(whole: Sequence[int]) -> Scripted:
    return Scripted(whole)


def wrong(whole: Sequence[int]) -> Scripted:
    return Scripted(whole, lambda token, place: (token + 1) % 250)


def now_and_then(whole: Sequence[int], seed: int) -> Scripted:
    """Right about two times of three."""
    noise = random.Random(seed)
    faults = [noise.random() < 1 / 3 for _ in whole]
    return Scripted(whole, lambda token, place: (token + 7) % 250 if faults[place] else token)


class Noise:
    """Any tokens at all, more of them than asked for."""

    def __init__(self, seed: int) -> None:
        self._noise = random.Random(seed)

    def guess(self, wanted: Sequence[Wanted]) -> list[Sequence[int]]:
        return [[self._noise.randrange(256) for _ in range(each.count + 3)] for each in wanted]

    def leave(self, handle: int) -> None:
        pass
