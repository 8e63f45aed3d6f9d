"""The sliding window over one side of a request: how far its text may go, and what was decided on the way.

Whatever the pieces, the decisions are those on the whole text: what scorers find depends on places alone,
and findings are decided in the order of their places, each once nothing can come before it any more.
"""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from colonnade.errors import Internal
from colonnade.ethics.domain.decision import Decision, decide, fail
from colonnade.ethics.domain.finding import Finding, Side, Span
from colonnade.ethics.domain.policy import Action, OnFailure, Policy
from colonnade.ethics.ports import LOOK_BEHIND, Found, Scored, Stretch
from colonnade.ethics.scorers.folding import fold

_RESCAN = 16
"""A scorer looks again once what it left unsettled has grown by a sixteenth, so that what is held for long is
not looked at over and over: time stays linear in the text."""


@dataclass(slots=True)
class _Reading:
    """Of one scorer, in characters of the folded text: up to where it is settled, and where it has looked."""

    settled: int = 0
    looked: int = 0


@dataclass(frozen=True, slots=True, order=True)
class _Pending:
    """A finding in folded text that is not decided yet; ordered by place, the longest first."""

    start: int
    negative_end: int
    scorer: str
    found: Found = field(compare=False)


class Window:
    """One side of one request. ``append``, have all who are ``due`` look, ``advance``; and so on to the last.

    The folded text that is held back is at most a scorer's ``context``, and a sixteenth."""

    def __init__(self, policy: Policy, side: Side) -> None:
        self.allowed_until = 0
        self.ended = False
        self.last = False
        self._policy, self._side = policy, side
        self._readings = {name: _Reading() for name in policy.scorers(side)}
        self._text = ""  # folded, from ``_base`` on
        self._origins: list[int] = []
        self._base = 0
        self._received = 0
        self._decided = 0  # folded: everything before it is decided
        self._pending: list[_Pending] = []
        self._until: dict[str, int] = {}  # folded, by rule: where the last that it decided ends
        self._masked = 0  # folded: where the last mask ends

    def append(self, text: str, *, last: bool = False) -> None:
        if self.last:
            raise Internal("text after the last of a window")
        folded, origins = fold(text, self._received)
        self._text += folded
        self._origins += origins
        self._received += len(text)
        self.last = last

    def due(self) -> Iterator[tuple[str, Stretch]]:
        """The scorers that should look now, and at what."""
        end = self._base + len(self._text)
        for name, reading in self._readings.items():
            new = end - reading.looked
            if self.last or (new and new * _RESCAN >= end - reading.settled):
                begin = max(self._base, reading.settled - LOOK_BEHIND)
                text = self._text[begin - self._base :]
                yield name, Stretch(text, reading.settled - begin, self.last)

    def scored(self, name: str, stretch: Stretch, scored: Scored) -> None:
        """Takes what a scorer made of a stretch that was due, before any more text comes."""
        reading = self._readings[name]
        end = self._base + len(self._text)
        begin = end - len(stretch.text)
        for found in scored.found:
            insort(self._pending, _Pending(begin + found.start, -(begin + found.end), name, found))
        reading.settled, reading.looked = begin + scored.settled, end

    def failed(self, name: str, why: str) -> list[Decision]:
        """What became of a scorer that failed: its first rule that refuses then does, or it is done."""
        rules = self._policy.rules_of(name, self._side)
        closed = next((rule for rule in rules if rule.on_failure is OnFailure.REFUSE), None)
        reading = self._readings[name]
        reading.settled = reading.looked = self._base + len(self._text)
        if closed is None or not self._received:
            return []
        self.ended = True
        start = min(self.allowed_until, self._received - 1)
        return [fail(closed, Span(start, self._received), self._side, self._policy.version, why)]

    def advance(self) -> list[Decision]:
        """Decides what can be decided, and moves ``allowed_until``."""
        if self.ended:
            return []
        end = self._base + len(self._text)
        frontier = min((each.settled for each in self._readings.values()), default=end)
        decisions = list(self._decide(frontier))
        if not self.ended:
            self._decided = max(self._decided, frontier)
            self._allow(self._origin(self._decided))
            self._forget(frontier)
            self.ended = self.last
        return decisions

    def _decide(self, frontier: int) -> Iterator[Decision]:
        done = 0
        for pending in self._pending:
            if pending.start >= frontier or self.ended:
                break
            done += 1
            if decision := self._decision(pending):
                yield decision
        del self._pending[:done]

    def _decision(self, pending: _Pending) -> Decision | None:
        """None where no rule fits, or where it is a part of what was decided already."""
        found, end = pending.found, -pending.negative_end
        finding = Finding(
            pending.scorer, found.category, self._span(pending.start, end), found.score, found.why
        )
        rule = self._policy.rule_for(finding, self._side)
        if rule is None or end <= self._until.get(rule.id, 0):
            return None
        self._until[rule.id] = end
        span: Span | None = finding.span
        if rule.action.ends:
            self._allow(self._origin(max(self._decided, pending.start)))
            self.ended = True
        elif rule.action is Action.MASK:
            span = self._mask(pending.start, end)
        return decide(rule, finding, span, self._side, self._policy.version) if span else None

    def _mask(self, start: int, end: int) -> Span | None:
        """What of it no earlier mask has; its replacement may go.

        Invisible characters right behind an earlier mask are not of it: they may be gone already.
        """
        left = self._span(max(start, self._masked), end) if self._masked < end else None
        self._decided = max(self._decided, end)
        self._masked = max(self._masked, end)
        if left:
            self._allow(left.end)
        return left

    def _allow(self, until: int) -> None:
        self.allowed_until = max(self.allowed_until, until)

    def _span(self, start: int, end: int) -> Span:
        """Characters as they were sent."""
        return Span(self._origin(start), self._origins[end - 1 - self._base] + 1)

    def _origin(self, place: int) -> int:
        """Where the folded character came of; at the end, all that was received."""
        at = place - self._base
        return self._origins[at] if at < len(self._origins) else self._received

    def _forget(self, frontier: int) -> None:
        """Nobody looks there again."""
        if (gone := frontier - LOOK_BEHIND - self._base) >= LOOK_BEHIND:
            self._text = self._text[gone:]
            del self._origins[:gone]
            self._base += gone
