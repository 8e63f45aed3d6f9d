"""What people said of answers, in words."""

from collections.abc import Iterable
from types import MappingProxyType

from colonnade.client import Feedback
from colonnade.console.views.formats import moment, short

STATES = MappingProxyType(
    {"waiting": "waits for a review", "accepted": "accepted", "rejected": "rejected", "": "any"}
)
KINDS = MappingProxyType(
    {"": "any", "thumb": "thumbs", "correction": "corrections", "preference": "preferences"}
)
_THUMBS = MappingProxyType({"up": "Good answer", "down": "Bad answer"})
_TITLES = MappingProxyType({"correction": "A correction", "preference": "Of two answers, the better one"})
_BETTER = MappingProxyType({"correction": "It should have been", "preference": "Better"})
_WORSE = MappingProxyType({"correction": "It was", "preference": "Worse"})


def title_of(said: Feedback) -> str:
    if said.kind == "thumb":
        return _THUMBS.get(said.value or "", said.value or said.kind)
    return _TITLES.get(said.kind, said.kind)


def parts_of(said: Feedback) -> list[tuple[str, str]]:
    """The texts that were sent along, each with what it is."""
    parts = [(turn.role, turn.content) for turn in said.messages]
    for labels, answer in ((_BETTER, said.chosen), (_WORSE, said.rejected)):
        if answer:
            parts.append((labels.get(said.kind, "The answer"), answer))
    return parts


def facts_of(said: Feedback) -> list[tuple[str, str]]:
    pairs = [
        ("State", STATES.get(said.state, said.state)),
        ("Given", _when(said)),
        ("Answered by", _by(said)),
    ]
    if said.request_id:
        pairs.append(("Request", said.request_id))
    if said.reviewed_at is not None or said.reviewed_by:
        pairs.append(
            ("Reviewed", f"{moment(said.reviewed_at, 'unknown')} by {said.reviewed_by or 'unknown'}")
        )
    if said.why:
        pairs.append(("Why", said.why))
    return pairs


def givers_of(pieces: Iterable[Feedback]) -> list[tuple[str, int]]:
    """Who gave how many of these, most first."""
    counts: dict[str, int] = {}
    for each in pieces:
        counts[each.subject] = counts.get(each.subject, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _when(said: Feedback) -> str:
    return f"{moment(said.given_at, 'unknown')} by {said.subject}"


def _by(said: Feedback) -> str:
    by = said.answered_by
    if by is None:
        return "unknown"
    name = f"{by.model}:{by.version}" if by.model else short(by.digest)
    return name if by.confirmed else f"{name}, as the giver says"
