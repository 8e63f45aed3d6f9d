"""Screens texts in pieces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from colonnade.ethics.domain.decision import Decision
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action, Policy, Rule
from colonnade.ethics.scorers import fast_scorers
from colonnade.ethics.screening import Screening

SCORERS = fast_scorers()
CARD = "4111 1111 1111 1111"


def rule(scorer: str, action: Action = Action.MASK, **settings: object) -> Rule:
    made = Rule(f"{scorer}-rule", scorer, action, threshold=0.6)
    return replace(made, **settings)  # type: ignore[arg-type]


MASK_ALL = Policy("all", "sha256:0", tuple(rule(name) for name in SCORERS))


@dataclass
class Screened:
    decisions: list[Decision]
    held: list[int]
    """Characters received and not allowed, after each piece."""
    released: int
    ended: bool


async def screened(pieces: Sequence[str], policy: Policy = MASK_ALL, side: Side = Side.OUTPUT) -> Screened:
    """Fails where what was released shrinks, or goes into a mask that was not told by then."""
    screening, result, received = Screening(policy, SCORERS), Screened([], [], 0, False), 0
    for place, piece in enumerate(pieces):
        verdict = await screening.screen(side, piece, last=place == len(pieces) - 1)
        received += len(piece)
        assert verdict.allowed_until >= result.released
        result.decisions += verdict.decisions
        result.released, result.ended = verdict.allowed_until, verdict.ended
        result.held.append(received - verdict.allowed_until)
        if verdict.ended:
            break
    return result


async def check_cut(text: str, cuts: Iterable[int], policy: Policy = MASK_ALL) -> Screened:
    """Cut there, the text is decided as in one piece, and nothing of a masked span gets out before."""
    whole = await screened([text], policy)
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    screening, known = Screening(policy, SCORERS), 0
    decisions: list[Decision] = []
    for place, piece in enumerate(pieces):
        verdict = await screening.screen(Side.OUTPUT, piece, last=place == len(pieces) - 1)
        decisions += verdict.decisions
        told = {(each.span.start, each.span.end) for each in decisions}
        for each in whole.decisions:
            hidden = each.action is not Action.ALLOW and (each.span.start, each.span.end) not in told
            assert not hidden or verdict.allowed_until <= each.span.start
        assert verdict.allowed_until >= known
        known = verdict.allowed_until
        if verdict.ended:
            break
    assert decisions == whole.decisions
    assert known == whole.released
    return whole
