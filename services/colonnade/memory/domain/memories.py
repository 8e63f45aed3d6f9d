"""A memory: a text with an owner, that matters more or less and fades."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from colonnade.errors import InvalidArgument
from colonnade.memory.domain.scope import Scope
from colonnade.security.inputs import check_text

MAX_TEXT_BYTES = 64 * 1024
MAX_PEOPLE = 50
MAX_PERSON_BYTES = 256
MAX_SESSION_BYTES = 128
ROLES = ("user", "assistant")


class Kind(StrEnum):
    TURN = "turn"
    """What was said in a session: working memory."""
    EPISODE = "episode"
    """What happened, when, with whom."""
    FACT = "fact"
    CHUNK = "chunk"
    """A piece of a document."""


class Tier(StrEnum):
    """How soon a memory fades."""

    SHORT = "short"
    TASK = "task"
    """As long as its session."""
    LONG = "long"


STABILITY = {Tier.SHORT: timedelta(hours=12), Tier.TASK: timedelta(days=7), Tier.LONG: timedelta(days=180)}
"""After so long an unused memory has 1/e of its strength."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where in a document, in characters of its text; ``page`` 0 where it has none."""

    document: str
    name: str
    start: int
    end: int
    page: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    id: str
    scope: Scope
    kind: Kind
    tier: Tier
    text: str
    happened_at: datetime
    created_at: datetime
    session: str = ""
    importance: float = 0.5
    pinned: bool = False
    role: str = ""
    """Of a turn."""
    people: tuple[str, ...] = ()
    """Of an episode: with whom."""
    source: Source | None = None
    """Of a chunk."""
    made_of: tuple[str, ...] = ()
    """Of what was consolidated: the ids it came of."""
    uses: int = 0
    used_at: datetime | None = None
    votes: int = 0
    """Useful ones less the others."""
    embedded: bool = False
    """It has a vector."""

    def __post_init__(self) -> None:
        check_text(self.text, "text", MAX_TEXT_BYTES)
        check_text(self.session, "session", MAX_SESSION_BYTES, allow_empty=True, controls="line")
        _check(math.isfinite(self.importance) and 0 <= self.importance <= 1, "importance", "from 0 to 1")
        _check((self.role in ROLES) == (self.kind is Kind.TURN), "role", "user or assistant, of a turn alone")
        _check(bool(self.session) or self.kind is not Kind.TURN, "session", "given for a turn")
        _check(bool(self.session) or self.tier is not Tier.TASK, "session", "given for the tier task")
        _check((self.source is not None) == (self.kind is Kind.CHUNK), "kind", "turn, episode or fact")
        _check(len(self.people) <= MAX_PEOPLE, "people", f"at most {MAX_PEOPLE}")
        for person in self.people:
            check_text(person, "people", MAX_PERSON_BYTES, controls="line")

    @property
    def lasts(self) -> bool:
        """Never fades: pinned, or of a document, which is there until it is deleted."""
        return self.pinned or self.kind is Kind.CHUNK

    def strength(self, now: datetime) -> float:
        """0 to 1: ``importance * exp(-age / stability)``, as in MemoryBank (Zhong et al. 2023).

        Age is since it was last of use; each use and each vote makes it more stable."""
        if self.lasts:
            return 1.0
        age = max(0.0, (now - (self.used_at or self.created_at)).total_seconds())
        firmness = max(0.25, 1 + self.uses / 2 + self.votes)
        return self.importance * math.exp(-age / (STABILITY[self.tier].total_seconds() * firmness))


def _check(holds: bool, field: str, rule: str) -> None:
    if not holds:
        raise InvalidArgument(f"{field} must be {rule}", field=field)
