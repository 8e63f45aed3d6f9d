"""Models that stand in for others: those that may answer instead, and those that answer beside, unseen."""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_FALLBACKS = 4
_EXAMPLE_FALLBACKS = '"large=small,large=tiny@candidate"'
_EXAMPLE_SHADOWS = '"large=next:5"'


@dataclass(frozen=True, slots=True)
class Shadow:
    """What gets a copy of a model's requests, and of how many."""

    reference: str
    percent: float


def fallbacks_of(text: str) -> Mapping[str, tuple[str, ...]]:
    """``model=other,model=third``: by the model's name, in this order. ``ValueError`` if it is none."""
    found: dict[str, tuple[str, ...]] = {}
    for name, reference in _pairs(text, _EXAMPLE_FALLBACKS):
        found[name] = (*found.get(name, ()), reference)
        if len(found[name]) > MAX_FALLBACKS:
            raise ValueError(f"{name} has more than {MAX_FALLBACKS} fallbacks; leave some out")
    return found


def shadows_of(text: str) -> Mapping[str, Shadow]:
    """``model=other:percent``, one of each model. ``ValueError`` for what is no such list."""
    found: dict[str, Shadow] = {}
    for name, value in _pairs(text, _EXAMPLE_SHADOWS):
        reference, _, percent = value.rpartition(":")
        if name in found:
            raise ValueError(f"{name} has more than one shadow; leave one out")
        found[name] = Shadow(reference, _percent(percent))
        if not reference:
            raise ValueError(f"must read like {_EXAMPLE_SHADOWS}, with a percentage")
    return found


def _pairs(text: str, example: str) -> list[tuple[str, str]]:
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value):
            raise ValueError(f"must read like {example}")
        pairs.append((name, value))
    return pairs


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 < percent <= 100:
        raise ValueError(f"must read like {_EXAMPLE_SHADOWS}, with a percentage above 0 and up to 100")
    return percent
