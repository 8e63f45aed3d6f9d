"""What is remembered, in words: what it is, how strong it still is, and why a search found it."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from colonnade.client import Hit, Identity, Memory, Source
from colonnade.console.views.formats import day, moment, number

KINDS = MappingProxyType(
    {"fact": "Facts", "episode": "Episodes", "turn": "Turns", "chunk": "Pieces of documents"}
)
PERSONAL = ("fact", "episode", "turn")
_KIND = {"turn": "turn", "episode": "episode", "fact": "fact", "chunk": "piece of a document"}
_TIERS = {
    "short": "fades in hours",
    "task": "goes with its session",
    "long": "fades in months",
}
_FADING, _STRONG = 0.1, 0.4
"""What is new has its importance as its strength, 0.5 unless said."""
_WITHOUT = {
    "vectors": "It was searched by words alone: what is remembered has no vectors now. Import a model for "
    "embeddings, or see whether an engine runs it.",
    "rerank": "It was not judged again: the model for that did not answer in time.",
}
_UNPINNED = "key:"
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was found; ``share`` from 0 to 1 is how long its bar is."""

    name: str
    share: float
    told: str


def speaks_for_others(who: Identity) -> bool:
    """Whether each request may say whose memory it is about."""
    return who.key is None or who.subject.startswith(_UNPINNED)


def facts_of(memory: Memory) -> list[tuple[str, str]]:
    """What there is to say of it, in the order in which it is read."""
    pairs = [("Kind", _kind_of(memory)), ("Kept", tier_of(memory))]
    if memory.session:
        pairs.append(("Session", memory.session))
    if memory.people:
        pairs.append(("With", ", ".join(memory.people)))
    if memory.happened_at and memory.kind == "episode":
        pairs.append(("Happened", moment(memory.happened_at)))
    pairs.append(("Remembered", moment(memory.created_at, "unknown")))
    if memory.document is None:
        pairs.append(("Importance", f"{memory.importance:.2g}"))
    if memory.uses:
        pairs.append(("Used", f"{times(memory.uses)}, last {day(memory.used_at)}"))
    if memory.votes:
        pairs.append(("Votes", f"{memory.votes:+d}"))
    if memory.made_of:
        pairs.append(("Made of", f"{len(memory.made_of)} episodes"))
    if not memory.embedded:
        pairs.append(("Found", "by its words alone, until it has a vector"))
    return pairs


def tier_of(memory: Memory) -> str:
    if memory.document is not None:
        return "as long as its document"
    if memory.pinned:
        return "pinned, never fades"
    return _TIERS.get(memory.tier, memory.tier)


def strength_of(memory: Memory) -> str:
    """In a word and a number; weaker than 0.02, it would be forgotten."""
    word = "strong" if memory.strength >= _STRONG else "fading" if memory.strength >= _FADING else "weak"
    return f"{word}, {memory.strength:.2f}"


def place_of(source: Source) -> str:
    page = f", page {source.page}" if source.page else ""
    return f"{source.name}{page}, characters {number(source.start)} to {number(source.end)}"


def reasons_of(hit: Hit, most_bm25: float) -> list[Reason]:
    """In the order in which a search goes; ``most_bm25``: of the hit whose words fit best."""
    why = hit.why
    words, meaning = "no word of the question", "not like the question"
    if why.word_rank is not None:
        named = f": {', '.join(why.words)}" if why.words else ""
        words = f"place {why.word_rank} by words{named}"
    if why.vector_rank is not None:
        meaning = f"place {why.vector_rank} by meaning, cosine {why.cosine:.2f}"
    reasons = [
        Reason("Words", _share(why.bm25, most_bm25) if why.word_rank is not None else 0.0, words),
        Reason("Meaning", _share(why.cosine) if why.vector_rank is not None else 0.0, meaning),
        Reason("Strength", _share(why.strength), f"{why.strength:.2f}"),
    ]
    if why.reranked is not None:
        reasons.append(Reason("Judged again", _share(why.reranked), f"{why.reranked:.2f}"))
    return reasons


def without_of(parts: Sequence[str]) -> list[str]:
    """What could not take part in a search, and what to do about it."""
    return [_WITHOUT.get(part, f"It was searched without {part}.") for part in parts]


def shortened(said: str) -> str:
    """Its beginning, on one line."""
    line = " ".join(said.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}\u2026"


def times(count: int) -> str:
    return "once" if count == 1 else f"{number(count)} times"


def goes_with(memory: Memory) -> str:
    """What is erased along with it, so that it does not come back."""
    more = {
        "turn": " The session's summary goes with it, and is written anew without it.",
        "episode": " Facts that were made of it go with it.",
    }.get(memory.kind, "")
    if memory.kind == "fact" and memory.made_of:
        more = f" The {len(memory.made_of)} episodes that it was made of go with it."
    return f"It is erased for good.{more}"


def _kind_of(memory: Memory) -> str:
    kind = _KIND.get(memory.kind, memory.kind)
    said = f" of the {memory.role}" if memory.role else ""
    return f"{kind}{said}" + (", shared by the tenant" if memory.shared else "")


def _share(value: float, of: float = 1.0) -> float:
    return max(0.0, min(1.0, value / of)) if of > 0 else 0.0
