"""What feedback needs of the world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from colonnade.ethics.feedback.feedback import Feedback, Kind, State
from colonnade.security.inputs.once import Once

Clock: TypeAlias = Callable[[], datetime]
Change: TypeAlias = Callable[[Feedback], Feedback]


Holder: TypeAlias = tuple[str, str, datetime]
"""A tenant's subject who gave feedback, and when first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which feedback; what is None or empty is not asked for."""

    subject: str = ""
    state: State | None = None
    kind: Kind | None = None


class FeedbackStore(Protocol):
    """One row is seen of its own tenant alone."""

    async def add(self, feedback: Feedback, once: Once | None, *, most_waiting: int) -> Feedback:
        """Keeps it, or returns what was kept under the same key. A thumb on a request takes the place of the
        one that the subject gave on it before.

        ``Conflict`` where the key was used for something else; ``Overloaded`` where so many of the subject's
        wait already."""
        ...

    async def find(self, tenant: str, feedback_id: str) -> Feedback:
        """``NotFound``."""
        ...

    async def page(self, tenant: str, wanted: Wanted, *, before: str, limit: int) -> Sequence[Feedback]:
        """Newest first, older than the one with the id ``before``."""
        ...

    async def change(self, tenant: str, feedback_id: str, change: Change) -> Feedback:
        """As one with what it is changed from. ``NotFound``."""
        ...

    async def remove(self, tenant: str, feedback_id: str) -> None:
        """With the reward models that learnt from it."""
        ...

    async def accepted(self, tenant: str, *, after: str, limit: int) -> Sequence[Feedback]:
        """With texts, oldest first, after the one with the id ``after``; without thumbs down, which make
        pairs with others' (``disliked``)."""
        ...

    async def disliked(self, tenant: str, prompts: Sequence[str]) -> Mapping[str, Sequence[Feedback]]:
        """Accepted thumbs down by the keys of their prompts, oldest first."""
        ...

    async def held(self, after: tuple[str, str], limit: int) -> Sequence[Holder]:
        """After a tenant's subject, in their order."""
        ...

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        """What the subject gave, who reviewed where it was them, and the reward models that learnt from it:
        how many by store. Safe to repeat."""
        ...
