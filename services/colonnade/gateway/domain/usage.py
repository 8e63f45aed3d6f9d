"""What requests took: counted as it comes, kept by key, model and day."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from colonnade.gateway.domain.caching import Cached
from colonnade.gateway.domain.generation import Chunk, Finish, Usage, together


@dataclass(slots=True)
class Tally:
    """The tokens of one request, counted from every chunk that came, also from those that nobody waited for.

    It is closed once nothing more will come; whoever wants the sum is told then."""

    answers: int = 1
    """How many the request has."""
    finishes: dict[int, Finish] = field(default_factory=dict)
    cached: Cached | None = None
    """What the caches had to do with it."""
    closed: bool = False
    held: bool = False
    """Somebody reads a stream, and closes the tally when that has ended."""
    _seen: dict[int, int] = field(default_factory=dict)
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    def add(self, chunk: Chunk) -> None:
        """The last chunk of the last answer closes the tally."""
        if chunk.cached is not None:
            self.cached = chunk.cached
        if chunk.count:
            self._seen[chunk.index] = self._seen.get(chunk.index, 0) + chunk.count
        if chunk.finish is not None:
            self.finishes[chunk.index] = chunk.finish
            if self.complete:
                self.close()

    def close(self) -> None:
        """Nothing more will come, whether or not every answer has ended."""
        if self.closed:
            return
        self.closed = True
        waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell()

    def when_closed(self, tell: Callable[[], None]) -> None:
        """Calls ``tell`` once; at once if the tally is closed already."""
        if self.closed:
            tell()
        else:
            self._waiting.append(tell)

    @property
    def complete(self) -> bool:
        """Whether every answer said how it ended, and so what it took."""
        return len(self.finishes) >= self.answers

    @property
    def began(self) -> bool:
        """Whether a model worked on the request at all."""
        return bool(self.finishes or self._seen)

    @property
    def usage(self) -> Usage:
        """The engine's own count of each answer that ended; of the others, the tokens that came."""
        counted = together(self.finishes).usage if self.finishes else Usage()
        rest = sum(tokens for index, tokens in self._seen.items() if index not in self.finishes)
        return replace(counted, completion_tokens=counted.completion_tokens + rest)

    @property
    def amounts(self) -> "Amounts":
        """What is counted: of an answer that was not generated for this request, only what nobody else
        answers for counts as generated."""
        usage, cached = self.usage, self.cached
        if cached is None or not cached.reused:
            return Amounts.of(usage)
        prompt, completion = cached.generated_prompt_tokens, cached.generated_completion_tokens
        return Amounts(
            requests=1,
            prompt_tokens=prompt,
            cached_prompt_tokens=usage.cached_prompt_tokens if prompt else 0,
            completion_tokens=completion,
            cached_requests=1,
            cached_completion_tokens=max(0, usage.completion_tokens - completion),
        )


@dataclass(frozen=True, slots=True)
class Account:
    """What usage is kept by, besides the day."""

    tenant: str
    key_id: str
    """Empty where no key was needed."""
    model: str
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Amounts:
    requests: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    """Of the prompt's, those that were not computed again."""
    completion_tokens: int = 0
    cached_requests: int = 0
    """Whose answers were not generated for them."""
    cached_completion_tokens: int = 0
    """Of those answers: no engine generated them again."""

    @property
    def tokens(self) -> int:
        """That engines worked on."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_prompt_tokens + other.cached_prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_requests + other.cached_requests,
            self.cached_completion_tokens + other.cached_completion_tokens,
        )

    @classmethod
    def of(cls, usage: Usage) -> "Amounts":
        """Of one request."""
        return cls(1, usage.prompt_tokens, usage.cached_prompt_tokens, usage.completion_tokens)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request in the ledger."""

    account: Account
    day: date
    amounts: Amounts


GROUPINGS = ("day", "tenant", "key", "model", "adapter")


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Days ``first`` to ``last``, both included; None in a filter means all."""

    first: date
    last: date
    group_by: tuple[str, ...] = ("day", "key", "model")
    tenant: str | None = None
    key_id: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The sum of what has these values; a value that was not grouped by is None."""

    amounts: Amounts
    day: date | None = None
    tenant: str | None = None
    key: str | None = None
    model: str | None = None
    adapter: str | None = None


def today(now: datetime) -> date:
    """Days and months are UTC's."""
    return now.astimezone(UTC).date()


def next_month(day: date) -> datetime:
    """When the month of ``day`` has ended."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return datetime(year, month, 1, tzinfo=UTC)
