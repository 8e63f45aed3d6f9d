"""How many tokens to guess: the number that promises most tokens a second, often none.

Of j guesses in a row the model agrees to a, a^2, ... a^j with a chance that falls with each, ``a`` being the
share of guesses it agreed to lately; and it adds one token of its own. A step of N sequences with j_i guesses
each therefore yields, a second,

    sum_i (1 + a_i + ... + a_i^j_i)  /  (forward(N + sum_i j_i) + j * draft)

where ``forward`` is the measured time by rows (``costs``) and ``draft`` that of one round of guessing. With
free rows and one sequence it is Leviathan et al.'s (1 - a^(j+1)) / ((1 - a)(j c + 1)) (arXiv:2211.17192).
"""

from collections.abc import Sequence
from typing import Protocol

from colonnade.engine.speculation.costs import RowCosts, smoothed

MARGIN = 1.05
"""How much faster than without guesses a step must promise to be."""
UNLIKELY = 0.1
"""A guess with a smaller chance is not made, whatever it costs."""
FIRST_PROBE, LAST_PROBE = 8, 512
"""Steps without a guess until one is tried again: twice as many after each that failed."""
_MEMORY = 0.85
"""How much of the past each verification leaves standing."""
_PRIOR_GUESSES = 3.0


class Acceptance:
    """The share of guesses that were right lately, starting from what is usual."""

    def __init__(self, usual: float) -> None:
        self._right, self._judged = usual * _PRIOR_GUESSES, _PRIOR_GUESSES

    @property
    def share(self) -> float:
        return self._right / self._judged

    def heard(self, proposed: int, accepted: int) -> None:
        """Guesses after the first wrong one were never judged."""
        self._right = self._right * _MEMORY + accepted
        self._judged = self._judged * _MEMORY + min(proposed, accepted + 1)


class Pace:
    """One sequence's record."""

    def __init__(self, usual: float) -> None:
        self.acceptance = Acceptance(usual)
        self._since, self._gap = 0, FIRST_PROBE

    def heard(self, proposed: int, accepted: int) -> None:
        self.acceptance.heard(proposed, accepted)
        self._gap = FIRST_PROBE if accepted else min(LAST_PROBE, self._gap * 2)

    def probes(self) -> bool:
        """Called once a step that would go without guesses: whether to try one all the same."""
        self._since += 1
        if self._since < self._gap:
            return False
        self._since = 0
        return True


class Lengths(Protocol):
    """Decides how far each sequence of a step is guessed ahead."""

    def pace(self) -> Pace:
        """The record of a new sequence."""
        ...

    def choose(self, paces: Sequence[Pace], rows: int) -> list[int]:
        """Guesses for each sequence; ``rows`` is what the step has without any."""
        ...

    def heard(self, proposed: int, accepted: int) -> None: ...
    def forwarded(self, rows: int, seconds: float) -> None: ...
    def drafted(self, rounds: int, seconds: float) -> None: ...


class Fixed:
    """Always the same number, whatever comes of it: for tests and measurements."""

    def __init__(self, count: int) -> None:
        self.count = count

    def pace(self) -> Pace:
        return Pace(1.0)

    def choose(self, paces: Sequence[Pace], rows: int) -> list[int]:
        return [self.count] * len(paces)

    def heard(self, proposed: int, accepted: int) -> None:
        pass

    def forwarded(self, rows: int, seconds: float) -> None:
        pass

    def drafted(self, rounds: int, seconds: float) -> None:
        pass


class Adaptive:
    """At most ``most`` guesses, as many as pay. One for each model that speculates."""

    def __init__(self, most: int, usual: float = 0.7) -> None:
        self.most = most
        self.costs = RowCosts()
        self._all = Acceptance(usual)
        self.draft_seconds: float | None = None
        """Of one round of guessing, if that takes a model."""

    def pace(self) -> Pace:
        return Pace(self._all.share)

    def heard(self, proposed: int, accepted: int) -> None:
        self._all.heard(proposed, accepted)

    def forwarded(self, rows: int, seconds: float) -> None:
        self.costs.observe(rows, seconds)

    def drafted(self, rounds: int, seconds: float) -> None:
        """Rounds of guessing took so long together."""
        each = seconds / rounds
        known = self.draft_seconds or each
        self.draft_seconds = smoothed(known, each)

    def choose(self, paces: Sequence[Pace], rows: int) -> list[int]:
        shares = [pace.acceptance.share for pace in paces]
        best, rate = 0, MARGIN * self._rate(shares, rows, 0)
        for count in range(1, self.most + 1):
            promised = self._rate(shares, rows, count)
            if promised > rate:
                best, rate = count, promised
        lengths = [_worth(share, best) for share in shares]
        return [length or int(pace.probes()) for pace, length in zip(paces, lengths, strict=True)]

    def _rate(self, shares: Sequence[float], rows: int, count: int) -> float:
        """Tokens a second with at most ``count`` guesses each."""
        lengths = [_worth(share, count) for share in shares]
        tokens = sum(expected(share, length) for share, length in zip(shares, lengths, strict=True))
        drafting = max(lengths, default=0) * (self.draft_seconds or 0.0)
        return tokens / (self.costs.seconds(rows + sum(lengths)) + drafting)


def _worth(share: float, most: int) -> int:
    """How many guesses in a row have a fair chance each."""
    length, chance = 0, share
    while length < most and chance >= UNLIKELY:
        length, chance = length + 1, chance * share
    return length


def expected(share: float, guesses: int) -> float:
    """Tokens that a step is expected to yield: 1 + a + ... + a^guesses."""
    return sum(share**power for power in range(guesses + 1))
